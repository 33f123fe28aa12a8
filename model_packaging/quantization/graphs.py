"""Prepares an ONNX graph for quantizing and pruning, and restores its description afterwards."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lading.model_packaging.onnx_graph import graphs_of, keep_weights_inside, walk

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_Message = TypeVar("_Message", "NodeProto", "TensorProto")


def prepare(model: bytes) -> "ModelProto":
    """Return the model with constants as weights, no sparse weights, and a name for every node.

    Weights are not inputs: files of IR version 3 would let callers replace them.
    """
    import onnx

    parsed = onnx.load_model_from_string(model)
    _fill_sparse_weights(parsed)
    keep_weights_inside(parsed)
    for graph in graphs_of(parsed):
        _lift_constants(graph)
    _name_nodes(parsed)
    return parsed


def excluded(model: "ModelProto", patterns: Sequence[str]) -> list[str]:
    """Return the names of the nodes that a pattern matches, by name or by operator."""
    return [
        node.name
        for node in walk(model.graph.node)
        if any(_matches(each, node) for each in patterns)
    ]


def _matches(pattern: str, node: "NodeProto") -> bool:
    """Return whether a pattern matches; `prepare` adds underscores to duplicate names."""
    names = (node.name, node.name.rstrip("_"))
    return node.op_type == pattern or any(fnmatchcase(name, pattern) for name in names)


def copied(message: _Message) -> _Message:
    """Return a copy, which stays valid when the list of the message is cleared."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _fill_sparse_weights(model: "ModelProto") -> None:
    """Store sparse weights as dense ones, since the libraries skip sparse ones."""
    from onnx import numpy_helper

    for sparse in model.graph.sparse_initializer:
        values, places = map(numpy_helper.to_array, (sparse.values, sparse.indices))
        dense = np.zeros(sparse.dims, values.dtype)
        if places.ndim == 1:
            dense.reshape(-1)[places] = values
        else:
            dense[tuple(places.T)] = values
        model.graph.initializer.append(numpy_helper.from_array(dense, sparse.values.name))
    model.graph.ClearField("sparse_initializer")


def _lift_constants(graph: "GraphProto") -> None:
    """Turn Constant nodes into weights: the libraries look for weights only there."""
    given = {value.name for value in graph.output}
    kept = []
    for node in graph.node:
        tensor = [each.t for each in node.attribute if each.name == "value"]
        if node.op_type == "Constant" and tensor and node.output[0] not in given:
            weight = graph.initializer.add()
            weight.CopyFrom(tensor[0])
            weight.name = node.output[0]
        else:
            kept.append(copied(node))
    if len(kept) < len(graph.node):
        graph.ClearField("node")
        graph.node.extend(kept)


def _name_nodes(model: "ModelProto") -> None:
    """Give a unique name to every node that has none, or the name of another node."""
    nodes = list(walk(model.graph.node))
    given, seen = {node.name for node in nodes}, set[str]()
    for number, node in enumerate(nodes):
        name = node.name or f"{node.op_type}_{number}"
        while name in seen or (name != node.name and name in given):
            name += "_"
        node.name = name
        seen.add(name)


def restore(quantized: "ModelProto", original: "ModelProto") -> None:
    """Restore the shapes and metadata that the libraries drop or add."""
    for field in ("input", "output"):
        quantized.graph.ClearField(field)
        getattr(quantized.graph, field).extend(getattr(original.graph, field))
    quantized.ClearField("metadata_props")
    quantized.metadata_props.extend(original.metadata_props)


def narrow_weights(model: "ModelProto") -> int:
    """Count the weights that are tensors of fewer than 32 bits."""
    from onnx import TensorProto

    kinds = (
        TensorProto.INT8,
        TensorProto.UINT8,
        TensorProto.INT4,
        TensorProto.UINT4,
        TensorProto.FLOAT16,
    )
    return sum(
        tensor.data_type in kinds and bool(tensor.dims)
        for graph in graphs_of(model)
        for tensor in graph.initializer
    )


@contextmanager
def output_file() -> Iterator[Path]:
    """Provide a path for a library that writes its model to a file."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "quantized.onnx"
