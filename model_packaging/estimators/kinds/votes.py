"""Combines the answers of several estimators."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lading.model_packaging.estimators.calls import Classes
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm


def mean(graph: GraphBuilder, tensors: Sequence[str], weights: Any = None) -> str:
    """Add the weighted mean of tensors of one shape."""
    shares = np.ones(len(tensors)) if weights is None else np.asarray(weights, np.float64)
    shares = shares / shares.sum()
    parts = [
        graph.node("Mul", tensor, graph.number(share))
        for tensor, share in zip(tensors, shares.tolist(), strict=True)
    ]
    return graph.node("Sum", *parts)


def votes_of(graph: GraphBuilder, index: str, classes: int) -> str:
    """Add 1 for the class that each row votes for, else 0: [rows, classes]."""
    marks = graph.node(
        "Equal", graph.upright(index), graph.constant([list(range(classes))], np.int64)
    )
    return graph.cast(marks)


def likely_of(found: Classes) -> Classes:
    """Return the answers of a classifier, which must have probabilities.

    Raises:
        NoOnnxForm: it has none.
    """
    if found.probabilities is None:
        raise NoOnnxForm("has an inner classifier without probabilities, which are needed here")
    return found


def aligned(graph: GraphBuilder, index: str, numbers: Any) -> str:
    """Add the index of a class among all, for its index among a member's classes."""
    places = np.asarray(numbers, np.int64)
    return index if np.array_equal(places, np.arange(len(places))) else graph.choose(places, index)
