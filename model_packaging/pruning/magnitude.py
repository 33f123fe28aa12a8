"""Magnitude pruning: the smallest weights of dense and convolutional layers become zero.

Nothing becomes faster by it: onnxruntime multiplies zeros like other numbers. Smaller to ship it is
where a layer's weights are stored as the few that are left and their places, which ONNX takes 12
bytes for (against 4 bytes a weight): from two thirds of zeros on.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lading.model_packaging.pruning.layers import Graph, Layer

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
    groups = [layers] if everywhere else [[layer] for layer in layers]
    return sum(_prune(graph, group, sparsity) for group in groups if group)


def _prune(graph: Graph, layers: Sequence[Layer], sparsity: float) -> int:
    """Make the share of these layers' weights zero that is smallest; of equal ones the first."""
    weights = [graph.weights[layer.weight] for layer in layers]
    whole = np.concatenate([weight.ravel() for weight in weights])
    count = int(sparsity * whole.size)
    whole[np.argsort(np.abs(whole), kind="stable")[:count]] = 0
    ends = np.cumsum([weight.size for weight in weights])
    for layer, weight, part in zip(layers, weights, np.split(whole, ends[:-1]), strict=True):
        graph.replace(layer.weight, part.reshape(weight.shape))
    return count


def store_sparsely(model: "ModelProto") -> None:
    """Store those weights as values and places, in place, of which that is smaller."""
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
