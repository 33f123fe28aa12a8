"""Graphs of TensorFlow with constants instead of variables, captured tensors and tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array

_FIND = "LookupTableFindV2"
_PASSING = ("Identity", "Enter")


@dataclass(frozen=True, slots=True)
class Table:
    """A lookup table: keys and their values, which are arrays of one size."""

    keys: Array
    values: Array


@dataclass(frozen=True, slots=True)
class Frozen:
    """A graph without variables.

    Args:
        graph: a `GraphDef`.
        inputs: the graph's tensor of each input, by the input's name.
        outputs: the graph's tensor of each output, by the output's name.
        tables: lookup tables by the name of their node in the graph.
        original: the nodes before the graph was optimized.
    """

    graph: Any
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    tables: Mapping[str, Table] = field(default_factory=dict)
    original: Sequence[Any] = ()


def freeze_function(
    inputs: Mapping[str, Any], outputs: Sequence[str], call: Callable[..., Sequence[Any]]
) -> Frozen:
    """Trace a function, and return its graph.

    Args:
        inputs: a `tf.TensorSpec` of each input, by its name.
        outputs: names of the outputs.
        call: accepts tensors in the order of `inputs`, returns them in the order of `outputs`.
    """
    import tensorflow as tf
    from tf2onnx import tf_loader

    signature = [
        tf.TensorSpec(each.shape, each.dtype, name=f"input_{index}")
        for index, each in enumerate(inputs.values())
    ]

    def separate(*tensors: Any) -> tuple[Any, ...]:
        return tuple(map(tf.identity, call(*tensors)))  # one output may be another, or an input

    traced = tf.function(separate, autograph=False).get_concrete_function(*signature)
    # Captured tensors follow the inputs; freezing makes them constants.
    input_names = [tensor.name for tensor in traced.inputs[: len(signature)]]
    output_names = [tensor.name for tensor in traced.outputs]
    graph = tf_loader.from_function(traced, input_names, output_names)
    traced_graph = traced.graph.as_graph_def()
    handles = {inner.op.name: outer for outer, inner in traced.graph.captures}

    def export(node: str, types: tuple[int, int]) -> Table:
        keys, values = _export(handles[node], types)
        return _sorted(keys.numpy(), values.numpy())

    return Frozen(
        graph,
        dict(zip(inputs, input_names, strict=True)),
        dict(zip(outputs, output_names, strict=True)),
        {node: export(node, types) for node, types in _tables(graph) if node in handles},
        list(reachable(traced_graph.node, traced_graph.library)),
    )


def freeze_session(session: Any, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Frozen:
    """Return the graph of a session of TensorFlow 1, as far as some outputs need it.

    Args:
        session: the session, with its variables and tables.
        inputs: the graph's tensor of each input, by the input's name; it may lie inside the graph.
        outputs: the graph's tensor of each output, by the output's name.
    """
    import tensorflow as tf

    names = [name.partition(":")[0] for name in outputs.values()]
    graph = tf.compat.v1.graph_util.convert_variables_to_constants(
        session, session.graph.as_graph_def(), names
    )
    for node in graph.node:
        node.device = ""

    def export(node: str, types: tuple[int, int]) -> Table:
        with session.graph.as_default():
            handle = session.graph.get_tensor_by_name(f"{node}:0")
            keys, values = session.run(_export(handle, types))
        return _sorted(keys, values)

    tables = {node: export(node, types) for node, types in _tables(graph)}
    return Frozen(graph, inputs, outputs, tables, list(graph.node))


def cut(frozen: Frozen, inputs: Mapping[str, Any]) -> Frozen:
    """Return the graph without the nodes that compute its inputs, which become placeholders.

    Args:
        frozen: a graph whose inputs may lie inside it.
        inputs: a `tf.TensorSpec` of each input, by its name.
    """
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    placeholders = {}
    for name, tensor in frozen.inputs.items():
        placeholder = graph.node.add(op="Placeholder", name=f"cut_{tensor.replace(':', '_')}")
        placeholder.attr["dtype"].type = inputs[name].dtype.as_datatype_enum
        placeholder.attr["shape"].shape.CopyFrom(inputs[name].shape.as_proto())
        placeholders[tensor] = f"{placeholder.name}:0"
    for node in frozen.graph.node:
        kept = graph.node.add()
        kept.CopyFrom(node)
        kept.input[:] = [placeholders.get(name, name) for name in read_by(node)]
        if kept.op == "PlaceholderWithDefault":  # not an input, so it keeps its default
            kept.op = "Identity"
            kept.attr["T"].CopyFrom(kept.attr.pop("dtype"))
            kept.attr.pop("shape")
    graph.library.CopyFrom(frozen.graph.library)
    outputs = {name: placeholders.get(each, each) for name, each in frozen.outputs.items()}
    needed = [*(each.partition(":")[0] for each in (*outputs.values(), *placeholders.values()))]
    return Frozen(
        tf.compat.v1.graph_util.extract_sub_graph(graph, needed),
        {name: placeholders[tensor] for name, tensor in frozen.inputs.items()},
        outputs,
        frozen.tables,
        frozen.original,
    )


def read_by(node: Any) -> list[str]:
    """Return the tensors that a node reads; names that begin with ^ only state an order."""
    return [whole(name) for name in node.input if not name.startswith("^")]


def whole(name: str) -> str:
    """Return a tensor's complete name: the first output of a node may have the node's name."""
    return name if ":" in name else f"{name}:0"


def _export(handle: Any, types: tuple[int, int]) -> Any:
    import tensorflow as tf

    return tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=types[0], Tvalues=types[1])


def _sorted(keys: Array, values: Array) -> Table:
    """Return a table in the order of its keys: a hash table's may differ in each process."""
    order = np.argsort(keys)
    return Table(keys[order], values[order])


def _tables(graph: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the node of each table that is searched, and the types of its keys and values."""
    nodes = {node.name: node for node in graph.node}
    for node in graph.node:
        if node.op == _FIND:
            source = node.input[0].partition(":")[0]
            while nodes[source].op in _PASSING:
                source = nodes[source].input[0].partition(":")[0]
            yield source, (node.attr["Tin"].type, node.attr["Tout"].type)


def reachable(nodes: Iterable[Any], library: Any) -> Iterator[Any]:
    """Yield the nodes of a graph, and of the functions of its library that they call."""
    functions = {function.signature.name: function for function in library.function}
    waiting, seen = [list(nodes)], set[str]()
    while waiting:
        for node in waiting.pop():
            yield node
            for name in _called(node):
                if name in functions and name not in seen:
                    seen.add(name)
                    waiting.append(list(functions[name].node_def))


def _called(node: Any) -> Iterator[str]:
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)
