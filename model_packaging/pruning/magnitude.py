"""Magnitude pruning: the smallest weights of dense and convolutional layers become zero.

Nothing becomes faster by it: onnxruntime multiplies zeros like other numbers. Smaller to ship it is
where a layer's weights are stored as the few that are left and their places, which ONNX takes 12
bytes for (against 4 bytes a weight): from two thirds of zeros on.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from functions.inference.tensors import Array
from model_packaging.pruning.layers import Graph, Layer

if TYPE_CHECKING:
    from onnx import ModelProto

_STORED_BYTES = 12
"""A float32 and an int64 for each weight that is left."""


def prune_weights(
    model: "ModelProto", sparsity: float, exclude: Sequence[str], *, everywhere: bool
) -> int:
    """Make weights zero, in place, and return how many.

    Args:
        model: the model, its constants among the weights.
        sparsity: the share of weights that becomes zero.
        exclude: names of nodes that stay as they are.
        everywhere: take the smallest of all layers together, not of each.
    """
    graph = Graph(model)
    layers = [layer for layer in graph.layers() if layer.node.name not in exclude]
    if everywhere and layers:
        sizes = np.concatenate([_sizes(graph, layer) for layer in layers])
        thresholds = [_threshold(sizes, sparsity)] * len(layers)
    else:
        thresholds = [_threshold(_sizes(graph, layer), sparsity) for layer in layers]
    count = 0
    for layer, threshold in zip(layers, thresholds, strict=True):
        weight = graph.weights[layer.weight]
        zero = np.abs(weight) <= threshold
        graph.replace(layer.weight, np.where(zero, np.float32(0), weight))
        count += int(zero.sum())
    return count


def _sizes(graph: Graph, layer: Layer) -> Array:
    sizes: Array = np.abs(graph.weights[layer.weight]).ravel()
    return sizes


def _threshold(sizes: Array, sparsity: float) -> float:
    """The size up to which weights go; -1 when none does."""
    count = int(sparsity * sizes.size)
    return float(np.partition(sizes, count - 1)[count - 1]) if count else -1.0


def store_sparsely(model: "ModelProto") -> None:
    """Store those weights as values and places, in place, of which that is smaller."""
    from onnx import numpy_helper

    for weight in list(model.graph.initializer):
        array = numpy_helper.to_array(weight)
        places = np.flatnonzero(array)
        if array.dtype != np.float32 or _STORED_BYTES * places.size >= array.nbytes:
            continue
        sparse = model.graph.sparse_initializer.add(dims=array.shape)
        sparse.values.CopyFrom(numpy_helper.from_array(array.ravel()[places], weight.name))
        sparse.indices.CopyFrom(numpy_helper.from_array(places.astype(np.int64)))
        model.graph.initializer.remove(weight)
