"""What every converted graph goes through, whichever framework it came from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from model_packaging.errors import ConversionError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto


def strip(model: "ModelProto") -> None:
    """Take out what exporters note for debugging: paths of this machine, and stack traces."""
    model.ClearField("metadata_props")
    model.ClearField("doc_string")
    for graph in (model.graph, *model.functions):
        graph.ClearField("metadata_props")
        graph.ClearField("doc_string")
        for part in (*graph.node, *graph.value_info):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.ClearField("metadata_props")
        value.ClearField("doc_string")


def name_axes(model: "ModelProto", axes: Mapping[str, Mapping[int, str]]) -> None:
    """Give the free axes of the inputs these words, wherever their symbols stand.

    Other symbols, which exporters number as they come, are numbered anew: the same model gives the
    same bytes.
    """
    words: dict[str, str] = {}
    for value in model.graph.input:
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            word = axes.get(value.name, {}).get(axis)
            if size.dim_param and word:
                words.setdefault(size.dim_param, word)
    for value in _values(model.graph):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = words.setdefault(size.dim_param, f"free_{len(words)}")


def rename(model: "ModelProto", inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Call the graph's inputs and outputs so, in their order, wherever they stand.

    What had such a name inside gets another.
    """
    given = [value.name for value in (*model.graph.input, *model.graph.output)]
    wanted = [*inputs, *outputs]
    names = {**{name: f"inner_{name}" for name in wanted}, **dict(zip(given, wanted, strict=True))}
    _rename(model.graph, names)


def _rename(graph: "GraphProto", names: Mapping[str, str]) -> None:
    for named in (*graph.initializer, *_values(graph)):
        named.name = names.get(named.name, named.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, names)


def require_known_operators(name: str, model: "ModelProto") -> None:
    """Refuse operators of the framework that its exporter left as they were.

    Raises:
        ConversionError: names them.
    """
    from onnx import defs  # noqa: PLC0415 heavy

    unknown = {
        node.op_type
        for node in model.graph.node
        if node.domain in ("", "ai.onnx") and not defs.has(node.op_type)
    }
    if unknown:
        operators = ", ".join(sorted(unknown))
        reason = f"has no ONNX form: ONNX lacks {operators}; compute that outside the model"
        raise ConversionError(name, reason)


def require_finite_weights(name: str, onnx: bytes) -> None:
    """Refuse weights that hold NaN: training diverged, and every answer would be NaN.

    Raises:
        ConversionError: names the first of them.
    """
    from onnx import TensorProto, load_model_from_string, numpy_helper  # noqa: PLC0415 heavy

    floats = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
    for tensor in load_model_from_string(onnx).graph.initializer:
        # One lone NaN may be meant, as a marker of what is missing.
        if tensor.data_type in floats and np.prod(tensor.dims) > 1:
            bad = int(np.isnan(numpy_helper.to_array(tensor)).sum())
            if bad:
                reason = f"holds NaN in {bad} of the weights '{tensor.name}'; train it again"
                raise ConversionError(name, reason)


def _values(graph: "GraphProto") -> Iterable["ValueInfoProto"]:
    return (*graph.input, *graph.value_info, *graph.output)
