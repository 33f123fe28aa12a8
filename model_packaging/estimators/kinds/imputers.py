"""Imputers, which replace missing values by statistics of training or by near training rows."""

import numpy as np
from sklearn.impute import KNNImputer, SimpleImputer

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.calls import transform
from lading.model_packaging.estimators.composition import is_missing, renamed
from lading.model_packaging.estimators.frame import Frame, beside, computed, filled, matrix
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds.neighbors import inverse_distances

_NEVER = 1e300
"""The distance of a row without a common known column."""
_MOST_NOTED = 64


@transform.register
def _(estimator: SimpleImputer, graph: GraphBuilder, frame: Frame) -> Frame:
    if not frame.has_text():
        return renamed(estimator, _imputed(estimator, graph, frame))
    if estimator.add_indicator or len(estimator.statistics_) != frame.width:
        raise NoOnnxForm("has a SimpleImputer of texts with add_indicator or empty columns")
    if not is_missing(estimator.missing_values):
        raise NoOnnxForm(f"has a SimpleImputer of missing_values={estimator.missing_values!r}")
    for origin in frame.origins:
        if origin is not None:
            graph.notes.of(origin.input, origin.column).missing = estimator.missing_values
    return filled(frame, list(estimator.statistics_))


def _imputed(estimator: SimpleImputer, graph: GraphBuilder, frame: Frame) -> Frame:
    """Add numbers that replace missing ones, and indicators of the missing ones."""
    statistics = np.asarray(estimator.statistics_, np.float64)
    kept = np.flatnonzero(~np.isnan(statistics))
    graph.notes.typical(frame.origins, statistics)
    values = graph.take(matrix(graph, frame), kept.tolist())
    missing = _marks(estimator, graph, values)
    origins = [frame.origins[place] for place in kept]
    filled_in = graph.node("Where", missing, graph.number(statistics[kept]), values)
    found = computed(filled_in, graph.dtype, origins)
    if not estimator.add_indicator:
        return found
    marks = graph.cast(_marks(estimator, graph, matrix(graph, frame)))
    chosen = [int(place) for place in estimator.indicator_.features_]
    marked = computed(graph.take(marks, chosen), graph.dtype, [None] * len(chosen))
    return beside([found, marked])


def _marks(estimator: SimpleImputer, graph: GraphBuilder, values: str) -> str:
    """Add booleans: whether each value is missing."""
    if is_missing(estimator.missing_values):
        return graph.node("IsNaN", values)
    return graph.node("Equal", values, graph.number(float(estimator.missing_values)))


@transform.register
def _(estimator: KNNImputer, graph: GraphBuilder, frame: Frame) -> Frame:
    if estimator.metric != "nan_euclidean" or estimator.weights not in ("uniform", "distance"):
        raise NoOnnxForm("has a KNNImputer with a custom metric or weights, which has no ONNX form")
    if not is_missing(estimator.missing_values):
        raise NoOnnxForm(f"has a KNNImputer of missing_values={estimator.missing_values!r}")
    known = np.asarray(estimator._fit_X, np.float64)
    graph.notes.typical(frame.origins, known[:: max(1, len(known) // _MOST_NOTED)])
    rows = graph.cast(matrix(graph, frame), np.float64)
    missing = graph.node("IsNaN", rows)
    distances = _distances(graph, rows, missing, known)
    parts, origins = [], []
    for place, valid in enumerate(estimator._valid_mask.tolist()):
        column = graph.take(rows, [place])
        if valid:
            filled = _filling(estimator, graph, distances, known[:, place])
            column = graph.node("Where", graph.take(missing, [place]), filled, column)
        elif estimator.keep_empty_features:
            column = graph.node("Where", graph.take(missing, [place]), *[graph.constant(0.0)] * 2)
        if valid or estimator.keep_empty_features:
            parts.append(graph.cast(column))
            origins.append(frame.origins[place])
    found = computed(graph.join(parts), graph.dtype, origins)
    if not estimator.add_indicator:
        return renamed(estimator, found)
    chosen = [int(place) for place in estimator.indicator_.features_]
    marks = graph.cast(graph.take(missing, chosen))
    marked = computed(marks, graph.dtype, [None] * len(chosen))
    return renamed(estimator, beside([found, marked]))


def _distances(graph: GraphBuilder, rows: str, missing: str, known: Array) -> str:
    """Add squared distances over the columns that both rows have: [rows, training rows]."""
    zero, one = graph.constant(0.0), graph.constant(1.0)
    there, theirs = graph.node("Where", missing, zero, one), (~np.isnan(known)).astype(np.float64)
    values, filled = graph.node("Where", missing, zero, rows), np.nan_to_num(known)
    total = ""
    for place in range(known.shape[1]):
        apart = graph.node(
            "Sub", graph.take(values, [place]), graph.constant(filled[None, :, place])
        )
        both = graph.node("Mul", graph.take(there, [place]), graph.constant(theirs[None, :, place]))
        size = graph.node("Mul", graph.node("Mul", apart, apart), both)
        total = graph.node("Add", total, size) if total else size
    shared = graph.node("MatMul", there, graph.constant(theirs.T))
    nothing = graph.node("Equal", shared, zero)
    share = graph.node("Where", nothing, one, shared)
    scaled = graph.node("Div", total, share)
    whole = graph.node("Mul", scaled, graph.constant(float(known.shape[1])))
    return graph.node("Where", nothing, graph.constant(_NEVER), whole)


def _filling(estimator: KNNImputer, graph: GraphBuilder, distances: str, column: Array) -> str:
    """Add the values that replace missing ones of a column: [rows, 1]."""
    donors = np.flatnonzero(~np.isnan(column))
    count = graph.constant([min(int(estimator.n_neighbors), len(donors))])
    theirs = graph.take(distances, donors.tolist())
    near, places = graph.nodes(2, "TopK", theirs, count, axis=1, largest=0)
    zero, one = graph.constant(0.0), graph.constant(1.0)
    weights = one
    if estimator.weights == "distance":
        weights = inverse_distances(graph, graph.node("Sqrt", near))
    reached = graph.node("Less", near, graph.constant(_NEVER))
    weights = graph.node("Where", reached, weights, zero)
    total = graph.node("ReduceSum", weights, graph.constant([1]), keepdims=1)
    values = graph.node("Mul", graph.choose(column[donors], places), weights)
    summed = graph.node("ReduceSum", values, graph.constant([1]), keepdims=1)
    none = graph.node("Equal", total, zero)
    mean = graph.node("Div", summed, graph.node("Where", none, one, total))
    return graph.node("Where", none, graph.constant(float(column[donors].mean())), mean)
