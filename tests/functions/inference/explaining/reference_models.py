"""Models of numpy alone, so that shap in its own environment and the tests compute the same."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Model = Callable[[Rows], Rows]
"""Rows [n, features] to values [n, outputs]."""


def network(parameters: Mapping[str, Any]) -> Model:
    """A softmax over a layer of tanh."""
    into, out = np.array(parameters["into"]), np.array(parameters["out"])

    def model(rows: Rows) -> Rows:
        scores = np.tanh(rows @ into) @ out
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        answer: Rows = raised / raised.sum(axis=1, keepdims=True)
        return answer

    return model


def forest(parameters: Mapping[str, Any]) -> Model:
    """The mean of trees: `left`, `right`, `feature`, `threshold` and `value` of each node."""
    trees = [{key: np.array(nodes) for key, nodes in tree.items()} for tree in parameters["trees"]]

    def model(rows: Rows) -> Rows:
        answer = np.zeros((len(rows), 1))
        for tree in trees:
            node = np.zeros(len(rows), np.int64)
            while (inner := tree["left"][node] >= 0).any():
                lower = rows[np.arange(len(rows)), tree["feature"][node]] <= tree["threshold"][node]
                below = np.where(lower, tree["left"][node], tree["right"][node])
                node = np.where(inner, below, node)
            answer[:, 0] += tree["value"][node] / len(trees)
        return answer

    return model


def product(_parameters: Mapping[str, Any]) -> Model:
    """x0 * x1 * x2 + 3 * x3 - x4 ** 2 + x5 * x6, without x7."""

    def model(rows: Rows) -> Rows:
        x = rows.T
        answer: Rows = (x[0] * x[1] * x[2] + 3 * x[3] - x[4] ** 2 + x[5] * x[6])[:, np.newaxis]
        return answer

    return model


MODELS: Mapping[str, Callable[[Mapping[str, Any]], Model]] = {
    "network": network,
    "forest": forest,
    "product": product,
}
