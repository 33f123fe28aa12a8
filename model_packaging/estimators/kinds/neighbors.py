"""Nearest neighbors, with distances in float64; skl2onnx omits weights and rounds."""

from typing import Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.calls import Classes, classify, classify_each, regress
from lading.model_packaging.estimators.frame import Frame, matrix
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm

_POWERS = {"euclidean": 2.0, "l2": 2.0, "manhattan": 1.0, "cityblock": 1.0, "l1": 1.0}
_ONE_BY_ONE = 48
"""With more columns than these, distances come from products, as in scikit-learn."""
_MOST_NOTED = 64


@classify.register
def _(estimator: KNeighborsClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    places, weights = _nearest(estimator, graph, frame)
    return _voted(graph, np.asarray(estimator._y), len(estimator.classes_), places, weights)


@classify_each.register
def _(estimator: KNeighborsClassifier, graph: GraphBuilder, frame: Frame) -> list[Classes]:
    places, weights = _nearest(estimator, graph, frame)
    return [
        _voted(graph, np.asarray(labels), len(classes), places, weights)
        for labels, classes in zip(estimator._y.T, estimator.classes_, strict=True)
    ]


def _voted(graph: GraphBuilder, labels: Array, classes: int, places: str, weights: str) -> Classes:
    """Add the classes, for which neighbors vote with their weights."""
    marks = (labels.reshape(-1, 1) == np.arange(classes)).astype(np.float64)
    votes = graph.node("Mul", graph.choose(marks, places), _apart(graph, weights))
    total = graph.node("ReduceSum", votes, graph.constant([1]), keepdims=0)
    whole = graph.node("ReduceSum", weights, graph.constant([1]), keepdims=1)
    return Classes(graph.best(total), graph.cast(graph.node("Div", total, whole)))


@regress.register
def _(estimator: KNeighborsRegressor, graph: GraphBuilder, frame: Frame) -> str:
    places, weights = _nearest(estimator, graph, frame)
    known = np.asarray(estimator._y, np.float64)
    answers = known.reshape(len(known), -1)
    parts = graph.node("Mul", graph.choose(answers, places), _apart(graph, weights))
    total = graph.node("ReduceSum", parts, graph.constant([1]), keepdims=0)
    whole = graph.node("ReduceSum", weights, graph.constant([1]), keepdims=1)
    return graph.cast(graph.node("Div", total, whole))


def _apart(graph: GraphBuilder, weights: str) -> str:
    """Reshape weights from [rows, neighbors] to [rows, neighbors, 1]."""
    return graph.node("Unsqueeze", weights, graph.constant([2]))


def _nearest(estimator: Any, graph: GraphBuilder, frame: Frame) -> tuple[str, str]:
    """Add the indices of the nearest training rows, and their weights: [rows, neighbors]."""
    if estimator.weights not in (None, "uniform", "distance"):
        raise NoOnnxForm(f"has a {type(estimator).__name__} with custom weights; not supported")
    known = estimator._fit_X
    if hasattr(known, "toarray"):
        known = known.toarray()
    known = np.asarray(known, np.float64)
    graph.notes.typical(frame.origins, known[:: max(1, len(known) // _MOST_NOTED)])
    rows = graph.cast(matrix(graph, frame), np.float64)
    count = graph.constant([int(estimator.n_neighbors)])
    distances, root = _distances(estimator, graph, rows, known)
    # The root comes last: it could make different distances equal and change their order.
    near, places = graph.nodes(2, "TopK", distances, count, axis=1, largest=0)
    if root != 1:
        near = graph.node("Pow", near, graph.constant(1 / root))
    one = graph.constant(1.0)
    if estimator.weights != "distance":
        return places, graph.node("Where", graph.node("Equal", near, near), one, one)
    return places, inverse_distances(graph, near)


def inverse_distances(graph: GraphBuilder, distances: str) -> str:
    """Return 1 / distance; in a row with distances of 0, 1 for these and 0 for the others."""
    zero, one = graph.constant(0.0), graph.constant(1.0)
    same = graph.node("Equal", distances, zero)
    marks = graph.cast(same, np.float64)
    some = graph.node("Greater", graph.node("ReduceMax", marks, axes=[1], keepdims=1), zero)
    inverse = graph.node("Div", one, graph.node("Where", same, one, distances))
    return graph.node("Where", some, marks, inverse)


def _distances(estimator: Any, graph: GraphBuilder, rows: str, known: Array) -> tuple[str, float]:
    """Add powers of distances: float64 of [rows, training rows]; also return the power."""
    metric, options = estimator.effective_metric_, estimator.effective_metric_params_ or {}
    if metric == "cosine":
        return _cosine(graph, rows, known), 1.0
    if metric == "chebyshev":
        return _by_columns(graph, rows, known, np.inf), 1.0
    power = float(options.get("p", 2)) if metric == "minkowski" else _POWERS.get(metric)
    if power is None or options.get("w") is not None:
        raise NoOnnxForm(f"has a {type(estimator).__name__} with the metric '{metric}'")
    if power == 2 and known.shape[1] > _ONE_BY_ONE:  # noqa: PLR2004 Euclid's
        return _by_products(graph, rows, known), power
    return _by_columns(graph, rows, known, power), power


def _by_columns(graph: GraphBuilder, rows: str, known: Array, power: float) -> str:
    total = ""
    for place in range(known.shape[1]):
        apart = graph.node(
            "Sub", graph.take(rows, [place]), graph.constant(known[np.newaxis, :, place])
        )
        size = graph.node("Mul", apart, apart) if power == 2 else graph.node("Abs", apart)  # noqa: PLR2004 Euclid's
        if power not in (1, 2, np.inf):
            size = graph.node("Pow", size, graph.constant(power))
        joined = "Max" if power == np.inf else "Add"
        total = graph.node(joined, total, size) if total else size
    return total


def _by_products(graph: GraphBuilder, rows: str, known: Array) -> str:
    """|x - y|^2 = |x|^2 + |y|^2 - 2 x y."""
    product = graph.node("MatMul", rows, graph.constant(-2 * known.T))
    own = graph.node("ReduceSumSquare", rows, axes=[1], keepdims=1)
    squares = graph.node("Add", own, graph.constant((known**2).sum(axis=1)[np.newaxis]))
    return graph.node("Max", graph.node("Add", squares, product), graph.constant(0.0))


def _cosine(graph: GraphBuilder, rows: str, known: Array) -> str:
    lengths = np.linalg.norm(known, axis=1, keepdims=True)
    unit = known / np.where(lengths == 0, 1, lengths)
    length = graph.node("ReduceL2", rows, axes=[1], keepdims=1)
    none = graph.node("Equal", length, graph.constant(0.0))
    own = graph.node("Div", rows, graph.node("Where", none, graph.constant(1.0), length))
    apart = graph.node(
        "Sub", graph.constant(1.0), graph.node("MatMul", own, graph.constant(unit.T))
    )
    return graph.node("Clip", apart, graph.constant(0.0), graph.constant(2.0))
