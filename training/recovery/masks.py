"""The weights of a PyTorch network that pruning removes, found by the pruned ONNX graph.

What is pruned is decided on the graph, as it is without recovery. Magnitude pruning zeroes weights
there. Structured pruning removes neurons, which answers like the whole network without the weights
that use their outputs. In both cases the network keeps its shapes, and a mask says which weights
are zero. While they stay zero, pruning the trained network removes the same ones again: they have
the smallest norms.

A graph's weights have names and layouts of their own, so a parameter is found by its values. The
exporter may multiply each output channel of a convolution by that of a batch normalization.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec
from lading.model_packaging.optimizers.prune import prune_model
from lading.model_packaging.pruning.layers import Layer, LayerGraph
from lading.model_packaging.quantization.graphs import excluded, prepare
from lading.training.errors import TrainingError

_ROUNDING = 1e-5
_TINY = 1e-30


class Zeros(NamedTuple):
    """A layer's weights before pruning, and True for those that stay; both of its own shape."""

    layer: Layer
    weights: Array
    kept: Array


def find_masks(spec: ModelSpec, onnx: bytes, state: Mapping[str, Array]) -> dict[str, Array]:
    """Return masks by the names of parameters: True where a weight stays.

    Args:
        spec: the model; its manifest has `prune`.
        onnx: the converted network, not pruned.
        state: the network's parameters by name; they are of floats.

    Raises:
        PruningError: nothing can be pruned.
        TrainingError: a pruned layer has no parameter with its weights.
    """
    assert spec.prune is not None
    masks: dict[str, Array] = {}
    for zeros in _zeros(spec, spec.prune, onnx):
        name, mask = _parameter(spec, zeros, {k: v for k, v in state.items() if k not in masks})
        masks[name] = mask
    return masks


def _zeros(spec: ModelSpec, prune: PruneSpec, onnx: bytes) -> Iterator[Zeros]:
    """Yield the layers that have weights to keep at zero."""
    model = prepare(onnx)
    graph = LayerGraph(model)
    silenced = LayerGraph(prepare(prune_model(spec, prune, onnx).silenced))
    names = excluded(model, prune.exclude)
    for layer in graph.layers():
        after = silenced.weights[layer.weight]
        kept = after != 0
        if prune.method == "magnitude" and layer.node.name in names:
            continue
        if prune.method == "structured":  # what follows a lost neuron does not use it at all
            others = tuple(axis for axis in range(after.ndim) if axis != layer.inward)
            kept = np.broadcast_to(kept.any(axis=others, keepdims=True), after.shape)
        if not kept.all():
            yield Zeros(layer, graph.weights[layer.weight], kept)


def _parameter(spec: ModelSpec, zeros: Zeros, state: Mapping[str, Array]) -> tuple[str, Array]:
    """Return the name of the parameter with a layer's weights, and the mask in its layout."""
    layer, weights, kept = zeros
    outward = layer.outward
    first = [name for name in (layer.weight,) if name in state]
    for name in (*first, *state):
        if _alike(np.moveaxis(weights, outward, 0), state[name]):
            return name, np.moveaxis(kept, outward, 0)
        if np.array_equal(weights, state[name]):
            return name, kept
    reason = (
        f"does not find the weights of '{layer.node.name}' among the parameters of the class; "
        "add its name to prune.exclude"
    )
    raise TrainingError(spec.place("prune.recover"), reason)


def _alike(weights: Array, parameter: Array) -> bool:
    """Return whether they are equal, up to a factor for each output."""
    if weights.shape != parameter.shape:
        return False
    return bool(np.allclose(_directions(weights), _directions(parameter), atol=_ROUNDING))


def _directions(weights: Array) -> Array:
    rows = np.abs(weights.reshape(len(weights), -1).astype(np.float64))
    directions: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    return directions
