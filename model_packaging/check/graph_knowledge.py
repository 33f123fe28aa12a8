"""Finds inputs that hold ids of embeddings, where the converter does not know them.

The part of the graph before a Gather from a weight is run on distinct numbers; these show which
input, and which of its columns, arrives at the indices.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array
from lading.model_packaging.check.probes import Column, Knowledge, Known

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_DATA, _INDICES = 0, 1
_FREE = 3
"""Size of free axes in such a run."""
_INTEGERS = frozenset({"INT32", "INT64", "UINT32", "UINT64"})

_Arrivals = dict[str, dict[int, int]]
"""Input -> its columns -> the number of rows of the smallest weight that they select from."""


def with_ids(known: Knowledge, onnx: bytes) -> Knowledge:
    """Return the knowledge, with the highest id of each input or column of ids."""
    from onnx import load_model_from_string

    model = load_model_from_string(onnx)
    picked = _picked(model)
    arrivals = _arrivals(model, picked)
    found = {name: _known(sizes) for name, sizes in arrivals.items() if any(sizes.values())}
    return {**found, **known}


def _picked(model: "ModelProto") -> dict[str, int]:
    """Return indices of Gathers from weights, by name, and the rows of the smallest weight."""
    rows = {weight.name: weight.dims[0] for weight in model.graph.initializer if weight.dims}
    picked: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type == "Gather" and node.input[_DATA] in rows and not _axis(node):
            name, size = node.input[_INDICES], rows[node.input[_DATA]]
            picked[name] = min(size, picked.get(name, size))
    return {name: size for name, size in picked.items() if name not in rows}


def _axis(node: "NodeProto") -> int:
    return next((int(each.i) for each in node.attribute if each.name == "axis"), 0)


def _known(sizes: Mapping[int, int]) -> Known:
    """Return what is known of an input with these sizes of columns, 0 for a column without ids."""
    if len(set(sizes.values())) == 1:
        return Known(highest=next(iter(sizes.values())) - 1)
    return Known(
        columns=tuple(
            Column(typical=(0, size - 1)) if size else Column() for size in sizes.values()
        )
    )


def _arrivals(model: "ModelProto", picked: Mapping[str, int]) -> _Arrivals:
    found: _Arrivals = {}
    for indices, size in picked.items():
        for spec, columns in _sources(model, indices):
            count = spec.shape[-1] if len(spec.shape) > 1 and spec.shape[-1] > 0 else 1
            sizes = found.setdefault(spec.name, dict.fromkeys(range(count), 0))
            for column in columns:
                sizes[column] = min(size, sizes[column] or size)
    return found


def _sources(model: "ModelProto", tensor: str) -> Iterator[tuple[TensorSpec, Collection[int]]]:
    """Yield the inputs whose values a tensor holds unchanged, and the columns that it holds."""
    try:
        session = OnnxSession(_part(model, tensor))
        specs = [spec for spec in session.inputs if spec.datatype in _INTEGERS]
        for spec in specs:
            zeros = {other.name: _zeros(other) for other in session.inputs}
            codes = _codes(spec)
            one, two = (
                session.run({**zeros, spec.name: codes + more})[tensor].astype(np.int64)
                for more in (codes.dtype.type(1), codes.dtype.type(2))
            )
            if one.size and np.array_equal(two, one + 1):
                columns = set((one - 1).ravel().tolist())
                yield spec, columns if columns <= set(codes.ravel().tolist()) else ()
    except (SessionError, ValueError, KeyError):  # the part cannot run alone
        return


def _zeros(spec: TensorSpec) -> Array:
    """Return zeros, or empty texts."""
    nothing = b"" if spec.datatype == BYTES else 0
    return np.full(_shape(spec), nothing, DTYPES[spec.datatype])


def _codes(spec: TensorSpec) -> Array:
    """Return the number of its column in each element; 0 if the number of columns is free."""
    shape = _shape(spec)
    fixed = len(shape) > 1 and spec.shape[-1] > 0
    numbers = np.arange(shape[-1]) if fixed else np.zeros(1)
    return np.broadcast_to(numbers, shape).astype(DTYPES[spec.datatype])


def _shape(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(_FREE if size == -1 else size for size in spec.shape)


def _part(model: "ModelProto", tensor: str) -> bytes:
    """Return the part of the graph that computes a tensor."""
    from onnx import helper

    needed: set[str] = {tensor}
    nodes: list[NodeProto] = []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            needed.update(node.input)
            nodes.insert(0, node)
    graph = helper.make_graph(
        nodes,
        "part",
        [each for each in model.graph.input if each.name in needed],
        [helper.make_empty_tensor_value_info(tensor)],
        [each for each in model.graph.initializer if each.name in needed],
    )
    part = helper.make_model(
        graph,
        ir_version=model.ir_version,
        opset_imports=list(model.opset_import),
        functions=list(model.functions),
    )
    content: bytes = part.SerializeToString()
    return content
