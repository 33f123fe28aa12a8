"""Transformations and checks of graphs from all frameworks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

_WEIGHTS_APART = 4
"""The first IR version in which weights need not be inputs."""


def strip(model: "ModelProto") -> None:
    """Remove debugging notes of exporters: paths of this machine, and stack traces."""
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


def name_signature(
    model_name: str,
    model: "ModelProto",
    axes: Mapping[str, Mapping[int, str]],
    outputs: Sequence[str],
) -> None:
    """Give a converted graph the names that callers see, and remove the exporter's notes.

    Args:
        model_name: the model's name, for errors.
        model: the graph, with its inputs and outputs in the model's order.
        axes: by the name of each input, a word for each of its axes that may be free.
        outputs: names of the outputs.

    Raises:
        ConversionError: the graph has more or fewer inputs or outputs.
    """
    graph = model.graph
    for what, values, names in (("inputs", graph.input, axes), ("outputs", graph.output, outputs)):
        if len(values) != len(names):
            reason = f"has {len(names)} {what}, and {len(values)} in its ONNX form"
            raise ConversionError(model_name, reason)
    rename(model, list(axes), outputs)
    name_axes(model, axes)
    strip(model)


def name_axes(model: "ModelProto", axes: Mapping[str, Mapping[int, str]]) -> None:
    """Name the free axes of the inputs, wherever their symbols occur.

    Other symbols get new numbers, because exporters number them in any order: the same model gives
    the same bytes.
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
    """Rename the graph's inputs and outputs, in their order, wherever they occur.

    Inner tensors with such a name get another one.
    """
    graph = model.graph
    if [value.name for value in graph.output] != list(outputs):
        _separate_outputs(graph)
    given = [value.name for value in (*graph.input, *graph.output)]
    wanted = [*inputs, *outputs]
    inner = {name: _unused(graph, f"inner_{name}") for name in wanted}
    _rename(graph, {**inner, **dict(zip(given, wanted, strict=True))})


def _separate_outputs(graph: "GraphProto") -> None:
    """Give outputs that are also inputs their own values."""
    from onnx import helper

    inputs = {value.name for value in graph.input}
    for value in graph.output:
        if value.name in inputs:
            name = _unused(graph, f"same_{value.name}")
            graph.node.append(helper.make_node("Identity", [value.name], [name]))
            value.name = name


def _unused(graph: "GraphProto", name: str) -> str:
    """Return the name, or a similar one that nothing in the graph has."""
    used = {value.name for value in _values(graph)} | {each.name for each in graph.initializer}
    for node in walk(graph.node):
        used.update(node.input, node.output)
    while name in used:
        name += "_"
    return name


def _rename(graph: "GraphProto", names: Mapping[str, str]) -> None:
    sparse = [each.values for each in graph.sparse_initializer]
    for named in (*graph.initializer, *sparse, *_values(graph)):
        named.name = names.get(named.name, named.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for inner in inner_graphs(node):
            _rename(inner, names)


def keep_weights_inside(model: "ModelProto") -> None:
    """Remove weights from the list of inputs, which has them all in files of IR version 3.

    Callers may not replace them, and quantizing and simplifying do not accept such a list.
    """
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    weights |= {tensor.values.name for tensor in graph.sparse_initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) < len(graph.input):
        del graph.input[:]
        graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, _WEIGHTS_APART)


def take_maps_apart(model: "ModelProto") -> bool:
    """Replace the maps of ZipMap by tensors of their scores: a column per class.

    Returns:
        Whether there were any maps.
    """
    from onnx import TensorProto, helper

    makers = {output: node for node in model.graph.node for output in node.output}
    found = False
    for value in model.graph.output:
        node = makers.get(value.name)
        if node is not None and (node.domain, node.op_type) == ("ai.onnx.ml", "ZipMap"):
            classes = max(len(each.strings) + len(each.ints) for each in node.attribute)
            node.CopyFrom(helper.make_node("Identity", node.input, [value.name], node.name))
            tensor = helper.make_tensor_value_info(value.name, TensorProto.FLOAT, [None, classes])
            value.CopyFrom(tensor)
            found = True
    return found


def drop_repeated_outputs(model: "ModelProto") -> None:
    """Keep only the first of several outputs with one name."""
    outputs: dict[str, ValueInfoProto] = {}
    for value in model.graph.output:
        outputs.setdefault(value.name, value)
    if len(outputs) < len(model.graph.output):
        del model.graph.output[:]
        model.graph.output.extend(outputs.values())


def loosen_outputs(model: "ModelProto", answers: Iterable[Mapping[str, Array]]) -> None:
    """Correct stated shapes of outputs by answers: axes that differ become free axes.

    Some exporters state the shapes of the row that the model was traced with.
    """
    for answer in answers:
        for value in model.graph.output:
            _loosen(value, answer[value.name].shape)


def _loosen(value: "ValueInfoProto", shape: Sequence[int]) -> None:
    stated = value.type.tensor_type.shape
    if len(stated.dim) != len(shape):
        stated.ClearField("dim")
        stated.dim.extend(type(stated).Dimension() for _ in shape)
    for axis, (dim, size) in enumerate(zip(stated.dim, shape, strict=True)):
        if dim.HasField("dim_value") and dim.dim_value != size:
            dim.dim_param = f"{value.name}_{axis}"


def is_reduced(model: "ModelProto") -> bool:
    """Return whether the model computes in fewer than 32 bits, where rounding order matters.

    onnxruntime rounds such a model at other places after rewriting it.
    """
    from onnx import TensorProto

    small = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    values = (*model.graph.input, *model.graph.output)
    types = {value.type.tensor_type.elem_type for value in values}
    types |= {tensor.data_type for tensor in model.graph.initializer}
    quantized = any("Quantize" in each for each in operators(model))
    return quantized or any(kind in types for kind in small)


def walk(nodes: Iterable["NodeProto"]) -> Iterator["NodeProto"]:
    """Yield every node, also those of graphs inside nodes."""
    for node in nodes:
        yield node
        for inner in inner_graphs(node):
            yield from walk(inner.node)


def graphs_of(model: "ModelProto") -> Iterator["GraphProto"]:
    """Yield the model's graph, and those inside its nodes: branches and bodies of loops."""
    yield model.graph
    for node in walk(model.graph.node):
        yield from inner_graphs(node)


def inner_graphs(node: "NodeProto") -> Iterator["GraphProto"]:
    """Yield the graphs that are attributes of a node."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def operators(model: "ModelProto") -> set[str]:
    """Return the operators of the model, also of the graphs inside its nodes."""
    return {node.op_type for node in walk(model.graph.node)}


def operator_set(model: "ModelProto") -> int:
    """Return the version of ONNX's own operators; 0 when the model has none of them."""
    versions = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    return max(versions, default=0)


def require_known_operators(name: str, model: "ModelProto") -> None:
    """Refuse operators of the framework that its exporter did not convert.

    Raises:
        ConversionError: there are some; the text names them.
    """
    from onnx import defs

    unknown: dict[str, str] = {}
    for node in walk(model.graph.node):
        if node.domain in ("", "ai.onnx") and not defs.has(node.op_type):
            unknown.setdefault(node.op_type, node.name)
    if unknown:
        operators = ", ".join(sorted(unknown))
        place = unknown[min(unknown)]
        where = f", which has it at '{place}'" if place else ""
        advice = f"compute that outside the model{where}"
        raise ConversionError(name, f"has no ONNX form: ONNX lacks {operators}; {advice}")


def require_finite_weights(name: str, onnx: bytes) -> None:
    """Refuse weights that hold NaN: training diverged, and every answer would be NaN.

    Raises:
        ConversionError: there are some; the text names the first.
    """
    from onnx import TensorProto, load_model_from_string, numpy_helper

    floats = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
    for tensor in load_model_from_string(onnx).graph.initializer:
        # A single NaN may be intended, as a marker of missing values.
        if tensor.data_type in floats and np.prod(tensor.dims) > 1:
            bad = int(np.isnan(numpy_helper.to_array(tensor)).sum())
            if bad:
                reason = f"holds NaN in {bad} of the weights '{tensor.name}'; train it again"
                raise ConversionError(name, reason)


def _values(graph: "GraphProto") -> Iterable["ValueInfoProto"]:
    return (*graph.input, *graph.value_info, *graph.output)
