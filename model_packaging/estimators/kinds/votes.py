"""Answers of several estimators, put together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lading.model_packaging.estimators.calls import Classes
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm


def mean(graph: GraphBuilder, tensors: Sequence[str], weights: Any = None) -> str:
    """The weighted mean of tensors of one shape."""
    shares = np.ones(len(tensors)) if weights is None else np.asarray(weights, np.float64)
    shares = shares / shares.sum()
    parts = [
        graph.node("Mul", tensor, graph.number(share))
        for tensor, share in zip(tensors, shares.tolist(), strict=True)
    ]
    return graph.node("Sum", *parts)


def votes_of(graph: GraphBuilder, index: str, classes: int) -> str:
    """1 for the class that each row votes for, else 0: [rows, classes]."""
    marks = graph.node(
        "Equal", graph.upright(index), graph.constant([list(range(classes))], np.int64)
    )
    return graph.cast(marks)


def likely_of(found: Classes) -> Classes:
    """What a classifier says, with probabilities.

    Raises:
        NoOnnxForm: it has none.
    """
    if found.probabilities is None:
        raise NoOnnxForm("has a classifier without probabilities where some are needed")
    return found


def aligned(graph: GraphBuilder, index: str, numbers: Any) -> str:
    """The class's number in the whole, of its place among a member's classes."""
    places = np.asarray(numbers, np.int64)
    return index if np.array_equal(places, np.arange(len(places))) else graph.choose(places, index)
