"""Structured pruning: removes whole neurons of dense layers and whole channels of convolutions.

Weights, biases and the inputs of the next layers shrink, and so does the time of a prediction. A
layer can be pruned if everything between it and the next layers works on each neuron separately
(activations, biases, batch normalization, pooling, flattening). It cannot be pruned if its output
is the model's output, is added to another one (a residual connection) or is normalized across
neurons.

The importance of a neuron is the norm of its inward weights times the norm of its outward weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.pruning.layers import Layer, LayerGraph, attribute, is_standard

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_ARITHMETIC = ("Abs", "Clip", "Dropout", "Erf", "Exp", "Identity", "Neg", "Sqrt")
_SMOOTH = ("Celu", "Elu", "Gelu", "Mish", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh")
_BROKEN = ("HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "ThresholdedRelu")
_EACH_BY_ITSELF = frozenset((*_ARITHMETIC, *_SMOOTH, *_BROKEN))
_POOLS = frozenset(("AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"))
_PAIRS = frozenset(("Add", "Div", "Mul", "Pow", "Sub"))

_LAST, _CHANNEL, _FLATTENED = -1, 1, -2
"""The axis of the neurons of a value: the last, the second, or the last with several consecutive
numbers for each neuron, as for flattened channels."""


class _Unsupported(Exception):
    pass


@dataclass(slots=True)
class _Reach:
    """Everything that depends on the neurons of one layer, up to the next layers.

    `values` are the tensors between, with the axis of their neurons; `constants` have one number
    for each neuron, on this axis. There are `width` neurons; values of channels have `rank` axes.
    """

    width: int
    rank: int

    values: dict[str, int] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    following: list[Layer] = field(default_factory=list)


def prune_neurons(
    model: "ModelProto",
    sparsity: float,
    exclude: Sequence[str],
    silenced: "ModelProto | None" = None,
) -> tuple[int, list[str]]:
    """Remove the least important neurons of each layer, in place.

    Args:
        model: the model, its constants among the weights.
        sparsity: the share that is removed; at least one neuron of a layer stays.
        exclude: names of nodes that stay unchanged.
        silenced: a copy of the model, in which the same neurons stay but nothing uses their
            outputs: it must answer as the pruned model does.

    Returns:
        How many were removed, and why layers are unchanged: a sentence for each.
    """
    graph, removed, reasons = LayerGraph(model), 0, list[str]()
    whole = LayerGraph(silenced) if silenced else None
    for layer in list(graph.layers()):
        if layer.node.name in exclude:
            continue
        try:
            reach = _reach(graph, layer)
        except _Unsupported as error:
            reasons.append(f"{layer.node.name}: {error}")
            continue
        lost, kept = _chosen(graph, layer, reach, sparsity)
        removed += len(lost)
        if whole:
            _silence(whole, reach, lost)
        _keep(graph, layer, reach, kept)
    model.graph.ClearField("value_info")
    return removed, reasons


def _chosen(graph: LayerGraph, layer: Layer, reach: _Reach, sparsity: float) -> tuple[Array, Array]:
    """Return the neurons to remove, and those to keep."""
    count = min(int(sparsity * reach.width), reach.width - 1)
    order = np.argsort(_importance(graph, layer, reach), kind="stable")
    return np.sort(order[:count]), np.sort(order[count:])


def _keep(graph: LayerGraph, layer: Layer, reach: _Reach, kept: Array) -> None:
    for each in reach.following:
        places = _places(graph.weights[each.weight], each, reach.width, kept)
        _take(graph, each.weight, each.inward, places)
    _take(graph, layer.weight, layer.outward, kept)
    if layer.bias:
        _take(graph, layer.bias, -1, kept)
    for name, axis in reach.constants.items():
        _take(graph, name, axis, kept)


def _silence(whole: LayerGraph, reach: _Reach, lost: Array) -> None:
    for each in reach.following:
        weight = whole.weights[each.weight].copy()
        np.moveaxis(weight, each.inward, 0)[_places(weight, each, reach.width, lost)] = 0
        whole.replace(each.weight, weight)


def _importance(graph: LayerGraph, layer: Layer, reach: _Reach) -> Array:
    norms = _norms(graph.weights[layer.weight], layer.outward)
    outward = sum(
        _norms(graph.weights[each.weight], each.inward).reshape(len(norms), -1).sum(axis=1)
        for each in reach.following
    )
    importance: Array = norms * outward
    return importance


def _norms(weight: Array, axis: int) -> Array:
    """Return the norm of each neuron's weights, which lie along `axis`."""
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
    norms: Array = np.linalg.norm(rows.astype(np.float64), axis=1)
    return norms


def _places(weight: Array, following: Layer, width: int, neurons: Array) -> Array:
    """Return places of the neurons' numbers; a flattened channel has several consecutive ones."""
    each = weight.shape[following.inward] // width
    places: Array = (neurons[:, np.newaxis] * each + np.arange(each)).ravel()
    return places


def _take(graph: LayerGraph, name: str, axis: int, kept: Array) -> None:
    array = graph.weights[name]
    if array.ndim and array.shape[axis] > 1:  # one number for all neurons stays
        graph.replace(name, np.ascontiguousarray(np.take(array, kept, axis)))


def _reach(graph: LayerGraph, layer: Layer) -> _Reach:
    """Follow a layer's output to the next layers.

    Raises:
        _Unsupported: something between needs every neuron.
    """
    weight = graph.weights[layer.weight]
    reach = _Reach(weight.shape[layer.outward], weight.ndim)
    reach.values[layer.node.output[0]] = layer.channel
    if layer.bias and not graph.owned(layer.bias):
        raise _Unsupported("its bias is computed or shared")
    waiting, seen = [layer.node.output[0]], list["NodeProto"]()
    while waiting:
        value = waiting.pop()
        if value in graph.outputs:
            raise _Unsupported("its output is the model's output")
        if value in graph.inside:
            raise _Unsupported("a branch or a loop uses its output")
        for node in graph.consumers.get(value, []):
            if not any(node is each for each in seen):
                seen.append(node)
                waiting += _follow(graph, node, value, reach)
    if not reach.following:
        raise _Unsupported("no layer uses its output")
    _check_pairs(graph, seen, reach)
    return reach


def _follow(graph: LayerGraph, node: "NodeProto", value: str, reach: _Reach) -> Iterator[str]:
    """Yield the values by which a node passes the neurons on."""
    axis = reach.values[value]
    following = graph.layer(node)
    if following is not None and node.input[0] == value:
        _check_width(graph, following, reach, axis)
        reach.following.append(following)
        return
    if any(node.output[1:]) or not is_standard(node):
        raise _needs_all(node)
    if node.op_type in _PAIRS:
        _note_constants(graph, node, reach, axis)
    elif node.op_type == "BatchNormalization" and axis == _CHANNEL:
        reach.constants.update((name, 0) for name in _own(graph, node.input[1:]))
    elif node.op_type == "Flatten" and attribute(node, "axis", 1) == 1:
        reach.values[node.output[0]] = _FLATTENED if axis == _CHANNEL else axis
    elif node.op_type not in _EACH_BY_ITSELF | _POOLS or (
        node.op_type in _POOLS and axis != _CHANNEL
    ):
        raise _needs_all(node)
    reach.values.setdefault(node.output[0], axis)
    yield node.output[0]


def _needs_all(node: "NodeProto") -> _Unsupported:
    return _Unsupported(f"{node.op_type} '{node.name}' needs all of its neurons")


def _check_width(graph: LayerGraph, following: Layer, reach: _Reach, axis: int) -> None:
    """Only after flattening may a layer use several numbers of each neuron."""
    takes = graph.weights[following.weight].shape[following.inward]
    fits = takes % reach.width == 0 if axis == _FLATTENED else takes == reach.width
    turned = bool(attribute(following.node, "transA", 0))
    if not fits or turned or (axis == _CHANNEL) != (following.channel == _CHANNEL):
        what = f"'{following.node.name}' uses {takes} numbers of {reach.width} neurons"
        raise _Unsupported(f"{what}, transposed" if turned else what)


def _note_constants(graph: LayerGraph, node: "NodeProto", reach: _Reach, axis: int) -> None:
    for name in node.input:
        if name not in graph.weights or graph.weights[name].size == 1:
            continue
        place = _axis_of(graph.weights[name], reach, axis)
        reach.constants.update((each, place) for each in _own(graph, [name]))


def _axis_of(constant: Array, reach: _Reach, axis: int) -> int:
    """Return the axis, from the end, on which a constant has a number for each neuron."""
    place = 1 - reach.rank if axis == _CHANNEL else -1
    most = reach.rank if axis == _CHANNEL else constant.ndim
    fits = -place <= constant.ndim <= most and constant.shape[place] == reach.width
    if not fits or constant.size != reach.width:
        raise _Unsupported(
            f"a constant of shape {list(constant.shape)} does not have one number for each neuron"
        )
    return place


def _own(graph: LayerGraph, names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if not graph.owned(name):
            raise _Unsupported(f"'{name}' is computed or shared")
    return names


def _check_pairs(graph: LayerGraph, nodes: Sequence["NodeProto"], reach: _Reach) -> None:
    """Sums and products may combine only values with the same neurons in the same place."""
    for node in nodes:
        if node.op_type in _PAIRS:
            joined = [name for name in node.input if name not in graph.weights]
            if len({reach.values.get(name) for name in joined} - {None}) > 1 or any(
                name not in reach.values for name in joined
            ):
                raise _Unsupported(f"{node.op_type} '{node.name}' combines it with something else")
