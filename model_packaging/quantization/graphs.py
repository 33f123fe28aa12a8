"""What all schemes do to an ONNX graph before and after quantizing it."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

_Message = TypeVar("_Message", "NodeProto", "TensorProto", "ValueInfoProto")

_OLDEST_IR = 4
"""The first in which weights need not be inputs, too."""


def prepare(model: bytes) -> "ModelProto":
    """The model, its constants among its weights, these whole and no inputs, every node named.

    That a caller might replace a weight, as files of IR 3 allow, is not served.
    """
    import onnx

    parsed = onnx.load_model_from_string(model)
    _fill_sparse_weights(parsed)
    _drop_weight_inputs(parsed)
    for graph in graphs_of(parsed):
        _lift_constants(graph)
    _name_nodes(parsed)
    return parsed


def graphs_of(model: "ModelProto") -> Iterator["GraphProto"]:
    """The model's graph, and those inside its nodes: branches and bodies of loops."""
    yield from _graphs(model.graph)


def inner_graphs(node: "NodeProto") -> Iterator["GraphProto"]:
    """The graphs that are attributes of a node."""
    from onnx import AttributeProto

    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _graphs(graph: "GraphProto") -> Iterator["GraphProto"]:
    yield graph
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from _graphs(inner)


def operator_set(model: "ModelProto") -> int:
    """The version of ONNX's own operators; 0 where the model has none of them."""
    own = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    return max(own, default=0)


def excluded(model: "ModelProto", patterns: Sequence[str]) -> list[str]:
    """Names of the nodes that one of the patterns means, by name or by operator."""
    return [
        node.name
        for graph in graphs_of(model)
        for node in graph.node
        if any(_means(each, node) for each in patterns)
    ]


def _means(pattern: str, node: "NodeProto") -> bool:
    """`prepare` adds underscores to a name that several nodes have."""
    names = (node.name, node.name.rstrip("_"))
    return node.op_type == pattern or any(fnmatchcase(name, pattern) for name in names)


def operators(model: "ModelProto") -> list[str]:
    """The operators of the model, also of the graphs inside its nodes, in alphabetical order."""
    return sorted({node.op_type for graph in graphs_of(model) for node in graph.node})


def copied(message: _Message) -> _Message:
    """A copy, which outlives the list that the message is in."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _fill_sparse_weights(model: "ModelProto") -> None:
    """Store weights whole that are stored as the few that are not zero: libraries miss them."""
    from onnx import numpy_helper

    for sparse in model.graph.sparse_initializer:
        values, places = map(numpy_helper.to_array, (sparse.values, sparse.indices))
        whole = np.zeros(sparse.dims, values.dtype)
        if places.ndim == 1:
            whole.reshape(-1)[places] = values
        else:
            whole[tuple(places.T)] = values
        model.graph.initializer.append(numpy_helper.from_array(whole, sparse.values.name))
    model.graph.ClearField("sparse_initializer")


def _drop_weight_inputs(model: "ModelProto") -> None:
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [copied(value) for value in model.graph.input if value.name not in weights]
    if len(inputs) < len(model.graph.input):
        model.graph.ClearField("input")
        model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, _OLDEST_IR)


def _lift_constants(graph: "GraphProto") -> None:
    """Make weights of constant nodes, where the libraries would not look for them."""
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
    """Give a name to every node that has none, or one that another has."""
    nodes = [node for graph in graphs_of(model) for node in graph.node]
    given, seen = {node.name for node in nodes}, set[str]()
    for number, node in enumerate(nodes):
        name = node.name or f"{node.op_type}_{number}"
        while name in seen or (name != node.name and name in given):
            name += "_"
        node.name = name
        seen.add(name)


def restore(quantized: "ModelProto", original: "ModelProto") -> None:
    """Undo what the libraries do beside quantizing: forgotten shapes, notes to themselves."""
    for field in ("input", "output"):
        quantized.graph.ClearField(field)
        getattr(quantized.graph, field).extend(getattr(original.graph, field))
    quantized.ClearField("metadata_props")
    quantized.metadata_props.extend(original.metadata_props)


def narrow_weights(model: "ModelProto") -> int:
    """How many weights are tensors of fewer than 32 bits."""
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
    """A path for a library that writes its model to a file."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "quantized.onnx"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' advice off the root logger, which some would also set up."""
    root, disabled, handler = (
        logging.getLogger(),
        logging.root.manager.disable,
        logging.NullHandler(),
    )
    root.addHandler(handler)
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.removeHandler(handler)
