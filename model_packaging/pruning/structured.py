"""Structured pruning: whole neurons of dense layers, whole channels of convolutions.

What is removed is gone: weights, biases and the inputs of the next layers shrink, and so does the
time that a prediction takes. A layer can be pruned when everything between it and the next layers
works on each neuron by itself (activations, biases, batch normalisation, pooling, flattening). One
whose answer leaves the model, is added to something else (as a residual connection is) or is
normalised across neurons cannot.

A neuron matters as much as the norms of its weights inward and outward, multiplied.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from functions.inference.tensors import Array
from model_packaging.pruning.layers import Graph, Layer, attribute

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_EACH_BY_ITSELF = frozenset(
    [
        "Abs",
        "Celu",
        "Clip",
        "Dropout",
        "Elu",
        "Erf",
        "Exp",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Mish",
        "Neg",
        "Relu",
        "Selu",
        "Sigmoid",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Tanh",
        "ThresholdedRelu",
    ]
)
_POOLS = frozenset(("AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"))
_PAIRS = frozenset(("Add", "Div", "Mul", "Pow", "Sub"))
_SEVERAL = 2


class _Unsupported(Exception):
    pass


@dataclass(slots=True)
class _Reach:
    """What depends on the neurons of one layer, up to the layers that take them.

    `values` are what lies between, each with the axis on which the neurons lie (after flattening,
    as many numbers for each); `constants` hold one number a neuron.
    """

    values: dict[str, int]
    constants: dict[str, int] = field(default_factory=dict)
    following: list[Layer] = field(default_factory=list)


def prune_neurons(
    model: "ModelProto", sparsity: float, exclude: Sequence[str]
) -> tuple[int, list[str]]:
    """Remove the share of neurons of each layer that matters least, in place.

    Args:
        model: the model, its constants among the weights.
        sparsity: the share that is removed; at least one neuron of a layer stays.
        exclude: names of nodes that stay as they are.

    Returns:
        How many were removed, and why layers stay as they are: a sentence for each.
    """
    graph, removed, reasons = Graph(model), 0, list[str]()
    for layer in list(graph.layers()):
        if layer.node.name in exclude:
            continue
        try:
            removed += _prune(graph, layer, _reach(graph, layer), sparsity)
        except _Unsupported as error:
            reasons.append(f"{layer.node.name}: {error}")
    model.graph.ClearField("value_info")
    return removed, reasons


def _prune(graph: Graph, layer: Layer, reach: _Reach, sparsity: float) -> int:
    width = int(graph.weights[layer.weight].shape[layer.outward])
    count = min(int(sparsity * width), width - 1)
    kept = np.sort(np.argsort(_importance(graph, layer, reach), kind="stable")[count:])
    _take(graph, layer.weight, layer.outward, kept)
    if layer.bias:
        _take(graph, layer.bias, -1, kept)
    for name, axis in reach.constants.items():
        _take(graph, name, axis, kept)
    for each in reach.following:
        _take(graph, each.weight, each.inward, _repeated(graph, each, kept, width))
    return count


def _importance(graph: Graph, layer: Layer, reach: _Reach) -> Array:
    norms = _norms(graph.weights[layer.weight], layer.outward)
    outward = sum(
        _norms(graph.weights[each.weight], each.inward).reshape(len(norms), -1).sum(axis=1)
        for each in reach.following
    )
    importance: Array = norms * outward
    return importance


def _norms(weight: Array, axis: int) -> Array:
    """The norm of each neuron's weights, which lie along `axis`."""
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
    norms: Array = np.linalg.norm(rows.astype(np.float64), axis=1)
    return norms


def _repeated(graph: Graph, following: Layer, kept: Array, width: int) -> Array:
    """Places of the kept neurons' numbers: after flattening, a channel has several, in a row."""
    each = graph.weights[following.weight].shape[following.inward] // width
    places: Array = (kept[:, np.newaxis] * each + np.arange(each)).ravel()
    return places


def _take(graph: Graph, name: str, axis: int, kept: Array) -> None:
    array = graph.weights[name]
    if array.shape[axis] > 1:  # one number for all neurons serves those that stay
        graph.replace(name, np.ascontiguousarray(np.take(array, kept, axis)))


def _reach(graph: Graph, layer: Layer) -> _Reach:
    """Follow a layer's answer to the next layers.

    Raises:
        _Unsupported: something on the way needs every neuron.
    """
    width = graph.weights[layer.weight].shape[layer.outward]
    reach = _Reach({layer.node.output[0]: layer.channel})
    if layer.bias and not graph.owned(layer.bias):
        raise _Unsupported("its bias is computed, or shared")
    waiting, seen = [layer.node.output[0]], list["NodeProto"]()
    while waiting:
        value = waiting.pop()
        if value in graph.outputs:
            raise _Unsupported("its answer is the model's")
        for node in graph.consumers.get(value, []):
            if not any(node is each for each in seen):
                seen.append(node)
                waiting += _follow(graph, node, value, reach, width)
    if not reach.following:
        raise _Unsupported("no layer takes its answer")
    _check_pairs(graph, seen, reach)
    return reach


def _follow(
    graph: Graph, node: "NodeProto", value: str, reach: _Reach, width: int
) -> Iterator[str]:
    """What a node makes of the neurons: the values that carry them on."""
    axis = reach.values[value]
    following = graph.layer(node)
    if following is not None and node.input[0] == value:
        _check_width(graph, following, width, axis)
        reach.following.append(following)
        return
    if node.op_type in _PAIRS:
        _note_constants(graph, node, reach, width)
    elif node.op_type == "BatchNormalization" and axis == 1:
        reach.constants.update((name, 0) for name in _own(graph, node.input[1:]))
    elif node.op_type == "Flatten" and attribute(node, "axis", 1) == 1:
        reach.values[node.output[0]] = -1
    elif node.op_type not in _EACH_BY_ITSELF | _POOLS or (node.op_type in _POOLS and axis != 1):
        raise _Unsupported(f"{node.op_type} '{node.name}' needs all of its neurons")
    reach.values.setdefault(node.output[0], axis)
    yield node.output[0]


def _check_width(graph: Graph, following: Layer, width: int, axis: int) -> None:
    takes = graph.weights[following.weight].shape[following.inward]
    if takes % width or (axis == 1) != (following.channel == 1):
        raise _Unsupported(f"'{following.node.name}' takes {takes} numbers of {width} neurons")


def _note_constants(graph: Graph, node: "NodeProto", reach: _Reach, width: int) -> None:
    for name in node.input:
        if name not in graph.weights or graph.weights[name].size == 1:
            continue
        axis = _axis_of(graph.weights[name], width, reach.values)
        reach.constants.update((each, axis) for each in _own(graph, [name]))


def _axis_of(constant: Array, width: int, values: dict[str, int]) -> int:
    """The axis, from the end, on which a constant holds a number for each neuron."""
    convolution = 1 in values.values()
    axis = -3 if convolution else -1
    if constant.ndim < -axis or constant.shape[axis] != width or constant.size != width:
        raise _Unsupported(f"a constant of shape {list(constant.shape)} is not one a neuron")
    return axis


def _own(graph: Graph, names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if not graph.owned(name):
            raise _Unsupported(f"'{name}' is computed, or shared")
    return names


def _check_pairs(graph: Graph, nodes: Sequence["NodeProto"], reach: _Reach) -> None:
    """Sums and products may join only what has the same neurons."""
    for node in nodes:
        if node.op_type in _PAIRS:
            for name in node.input:
                if name not in reach.values and name not in graph.weights:
                    raise _Unsupported(f"{node.op_type} '{node.name}' joins it with something else")
