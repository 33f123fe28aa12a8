"""What a graph tells of its inputs: ids of embeddings, where the converter does not say so."""

from typing import TYPE_CHECKING

from model_packaging.probes import Knowledge, Known

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_PASSING = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
"""Operators that keep the values of their first input."""
_DATA, _INDICES = 0, 1


def with_ids(known: Knowledge, onnx: bytes) -> Knowledge:
    """The knowledge, with the highest id of each input that picks rows of a weight."""
    from onnx import load_model_from_string  # noqa: PLC0415 heavy

    found = {name: Known(highest=size - 1) for name, size in _picked(load_model_from_string(onnx))}
    return {**found, **known}


def _picked(model: "ModelProto") -> list[tuple[str, int]]:
    """Inputs that are indices of a Gather from a weight, and the number of that weight's rows."""
    rows = {weight.name: weight.dims[0] for weight in model.graph.initializer if weight.dims}
    origin = {value.name: value.name for value in model.graph.input}
    picked: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type in _PASSING and node.input[0] in origin:
            origin[node.output[0]] = origin[node.input[0]]
        if node.op_type == "Gather" and node.input[_DATA] in rows and not _axis(node):
            name = origin.get(node.input[_INDICES])
            if name is not None:
                size = rows[node.input[_DATA]]
                picked[name] = min(size, picked.get(name, size))
    return list(picked.items())


def _axis(node: "NodeProto") -> int:
    return next((int(each.i) for each in node.attribute if each.name == "axis"), 0)
