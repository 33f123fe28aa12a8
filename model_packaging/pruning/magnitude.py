"""Magnitude pruning: sets the smallest weights of dense and convolutional layers to zero.

The model is not faster, because onnxruntime multiplies zeros like other numbers. Its file is
smaller if a layer stores only the remaining weights and their places, which needs 12 bytes for each
(instead of 4 for every weight): with at least two thirds of zeros.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lading.model_packaging.pruning.layers import Layer, LayerGraph

if TYPE_CHECKING:
    from onnx import ModelProto

_STORED_BYTES = 12
"""A float32 and an int64 for each remaining weight."""


def prune_weights(
    model: "ModelProto", sparsity: float, exclude: Sequence[str], *, everywhere: bool
) -> int:
    """Set weights to zero, in place, and return how many.

    Args:
        model: the model, its constants among the weights.
        sparsity: the share of weights that becomes zero.
        exclude: names of nodes that stay unchanged.
        everywhere: choose the smallest of all layers together, not of each layer.
    """
    graph = LayerGraph(model)
    layers = [layer for layer in graph.layers() if layer.node.name not in exclude]
    groups = [layers] if everywhere else [[layer] for layer in layers]
    return sum(_prune(graph, group, sparsity) for group in groups if group)


def _prune(graph: LayerGraph, layers: Sequence[Layer], sparsity: float) -> int:
    """Set the smallest share of these layers' weights to zero; of equal ones the first."""
    weights = [graph.weights[layer.weight] for layer in layers]
    whole = np.concatenate([weight.ravel() for weight in weights])
    count = int(sparsity * whole.size)
    whole[np.argsort(np.abs(whole), kind="stable")[:count]] = 0
    ends = np.cumsum([weight.size for weight in weights])
    for layer, weight, part in zip(layers, weights, np.split(whole, ends[:-1]), strict=True):
        graph.replace(layer.weight, part.reshape(weight.shape))
    return count


def store_sparsely(model: "ModelProto") -> None:
    """Store weights as values and places where that is smaller, in place."""
    from onnx import numpy_helper

    for weight in list(model.graph.initializer):
        array = numpy_helper.to_array(weight)
        places = np.flatnonzero(array)
        if (
            array.dtype != np.float32
            or not array.ndim
            or _STORED_BYTES * places.size >= array.nbytes
        ):
            continue
        sparse = model.graph.sparse_initializer.add(dims=array.shape)
        sparse.values.CopyFrom(numpy_helper.from_array(array.ravel()[places], weight.name))
        sparse.indices.CopyFrom(numpy_helper.from_array(places.astype(np.int64)))
        model.graph.initializer.remove(weight)
