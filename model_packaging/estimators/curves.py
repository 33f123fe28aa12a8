"""Piecewise linear functions, as `numpy.interp` computes them."""

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.graph import GraphBuilder


def straight(graph: GraphBuilder, values: str, x: Array, y: Array) -> str:
    """Return the heights at values of shape [rows, 1], in float64; constant beyond the ends.

    Args:
        graph: gets the nodes.
        values: float64.
        x: places of the points, in ascending order; of several at one place the last one counts.
        y: their heights.
    """
    within = graph.node(
        "Max", graph.node("Min", values, graph.constant(x[-1])), graph.constant(x[0])
    )
    # Between the points at `place` and after it; a single point counts twice.
    x, y = (np.append(each, each[-1:]) if len(each) == 1 else each for each in (x, y))
    reached = graph.node("GreaterOrEqual", within, graph.constant(x[np.newaxis, :-1]))
    count = graph.node("ReduceSum", graph.cast(reached, np.int64), graph.constant([1]), keepdims=1)
    place = graph.node("Max", graph.node("Sub", count, graph.constant(1)), graph.constant(0))
    width = np.diff(x)
    slopes = np.where(width > 0, np.diff(y) / np.where(width > 0, width, 1), 0)
    beyond = graph.node("Sub", within, graph.choose(x[:-1], place))
    rise = graph.node("Mul", beyond, graph.choose(slopes, place))
    height = graph.node("Add", graph.choose(y[:-1], place), rise)
    last = graph.node("GreaterOrEqual", within, graph.constant(x[-1]))
    return graph.node("Where", last, graph.constant(y[-1]), height)
