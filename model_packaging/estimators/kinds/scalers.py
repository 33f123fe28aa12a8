"""Transformers of single columns of numbers: scalers, bins, powers, missing indicators."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import preprocessing
from sklearn.impute import MissingIndicator

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.calls import transform
from lading.model_packaging.estimators.composition import names_of, renamed
from lading.model_packaging.estimators.curves import straight
from lading.model_packaging.estimators.frame import Frame, beside, computed, matrix, rounded
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.notes import Origin

_FEW = 32
"""The number of quantiles of a column that are noted."""


def _affine(frame: Frame, scale: Any, shift: Any) -> list[Origin | None]:
    """Return the origins of columns that hold `(value - shift) / scale`."""
    scales = np.broadcast_to(np.asarray(scale, np.float64), frame.width)
    shifts = np.broadcast_to(np.asarray(shift, np.float64), frame.width)
    return [
        origin and replace(origin, scale=origin.scale * s, shift=origin.scale * t + origin.shift)
        for origin, s, t in zip(frame.origins, scales.tolist(), shifts.tolist(), strict=True)
    ]


def _scale(
    graph: GraphBuilder,
    frame: Frame,
    scale: Any,
    shift: Any,
    limits: tuple[float, float] | None = None,
) -> Frame:
    """Add `(value - shift) / scale` of each column; without a scale, of 1."""
    values = matrix(graph, frame)
    scales = np.ones(frame.width) if scale is None else np.asarray(scale, np.float64)
    shifts = np.zeros(frame.width) if shift is None else np.asarray(shift, np.float64)
    rows = [shifts + step * scales for step in (-3.0, -1.0, 0.0, 1.0, 3.0)]
    graph.notes.typical(frame.origins, np.stack(rows))
    values = graph.node("Sub", values, graph.number(shifts))
    values = graph.node("Div", values, graph.number(scales))
    if limits:
        values = _clipped(graph, values, *limits)
    return computed(values, graph.dtype, _affine(frame, scales, shifts))


@transform.register
def _(estimator: preprocessing.StandardScaler, graph: GraphBuilder, frame: Frame) -> Frame:
    mean = estimator.mean_ if estimator.with_mean else None
    if mean is None and estimator.mean_ is not None:
        graph.notes.typical(frame.origins, estimator.mean_)
    return renamed(estimator, _scale(graph, frame, estimator.scale_, mean))


@transform.register
def _(estimator: preprocessing.RobustScaler, graph: GraphBuilder, frame: Frame) -> Frame:
    scaled = _scale(graph, frame, estimator.scale_, estimator.center_)
    return renamed(estimator, scaled)


@transform.register
def _(estimator: preprocessing.MaxAbsScaler, graph: GraphBuilder, frame: Frame) -> Frame:
    limits = (-1.0, 1.0) if getattr(estimator, "clip", False) else None
    return renamed(estimator, _scale(graph, frame, estimator.scale_, None, limits))


@transform.register
def _(estimator: preprocessing.MinMaxScaler, graph: GraphBuilder, frame: Frame) -> Frame:
    graph.notes.typical(frame.origins, np.stack([estimator.data_min_, estimator.data_max_]))
    values = graph.node("Mul", matrix(graph, frame), graph.number(estimator.scale_))
    values = graph.node("Add", values, graph.number(estimator.min_))
    if estimator.clip:
        values = _clipped(graph, values, *estimator.feature_range)
    shift = -estimator.min_ / estimator.scale_
    origins = _affine(frame, 1 / estimator.scale_, shift)
    return renamed(estimator, computed(values, graph.dtype, origins))


def _clipped(graph: GraphBuilder, values: str, low: float, high: float) -> str:
    """Add values within bounds; NaN stays, which onnxruntime's Clip does not guarantee."""
    for operator, bound in (("Less", low), ("Greater", high)):
        outside = graph.node(operator, values, graph.number(bound))
        values = graph.node("Where", outside, graph.number(bound), values)
    return values


@transform.register
def _(estimator: preprocessing.KBinsDiscretizer, graph: GraphBuilder, frame: Frame) -> Frame:
    values, parts = matrix(graph, frame), []
    for place, edges in enumerate(estimator.bin_edges_):
        inner = np.asarray(edges[1:-1], np.float64)
        graph.notes.thresholds(frame.origins[place], inner)
        graph.notes.typical([frame.origins[place]], edges[[0, -1]].reshape(-1, 1))
        number = _bin(graph, graph.take(values, [place]), rounded(inner, graph.dtype, np.inf))
        bins = int(estimator.n_bins_[place])
        if estimator.encode != "ordinal":
            number = graph.node("Equal", number, graph.number([list(range(bins))]))
            number = graph.cast(number)
        width = 1 if estimator.encode == "ordinal" else bins
        parts.append(computed(number, graph.dtype, [None] * width))
    return beside(parts, names_of(estimator, parts))


def _bin(graph: GraphBuilder, value: str, edges: Array) -> str:
    """Add the number of edges that the value has reached: [rows, 1]."""
    if not len(edges):
        return graph.repeated(0, value)
    reached = graph.node("GreaterOrEqual", value, graph.constant(edges[np.newaxis]))
    return graph.node("ReduceSum", graph.cast(reached), graph.constant([1]), keepdims=1)


@transform.register
def _(estimator: preprocessing.Binarizer, graph: GraphBuilder, frame: Frame) -> Frame:
    for origin in frame.origins:
        graph.notes.thresholds(origin, np.array([estimator.threshold]))
    limit = rounded(np.array(estimator.threshold, np.float64), graph.dtype, -np.inf)
    above = graph.node("Greater", matrix(graph, frame), graph.constant(limit))
    return renamed(estimator, computed(graph.cast(above), graph.dtype, [None] * frame.width))


@transform.register
def _(estimator: preprocessing.PowerTransformer, graph: GraphBuilder, frame: Frame) -> Frame:
    usual = np.outer((-1.0, 0.0, 1.0), np.ones(frame.width))
    graph.notes.typical(frame.origins, estimator.inverse_transform(usual))
    values, parts = matrix(graph, frame), []
    curve = _box_cox if estimator.method == "box-cox" else _yeo_johnson
    for place, power in enumerate(np.asarray(estimator.lambdas_, np.float64).tolist()):
        parts.append(curve(graph, graph.take(values, [place]), power))
    found = computed(graph.join(parts), graph.dtype, [None] * frame.width)
    if estimator.standardize:
        found = transform(estimator._scaler, graph, found)
    return renamed(estimator, found)


def _box_cox(graph: GraphBuilder, value: str, power: float) -> str:
    if power == 0:
        return graph.node("Log", value)
    raised = graph.node("Pow", value, graph.number(power))
    return _less_one(graph, raised, power)


def _less_one(graph: GraphBuilder, raised: str, power: float) -> str:
    """Add `(raised - 1) / power`."""
    return graph.node("Div", graph.node("Sub", raised, graph.number(1)), graph.number(power))


def _yeo_johnson(graph: GraphBuilder, value: str, power: float) -> str:
    """Add Box-Cox of 1 + |value|, with another power for negative values."""
    size = graph.node("Add", graph.node("Abs", value), graph.number(1))
    positive = _box_cox(graph, size, power)
    negative = graph.node("Neg", _box_cox(graph, size, 2 - power))
    below = graph.node("Less", value, graph.number(0))
    return graph.node("Where", below, negative, positive)


@transform.register
def _(estimator: MissingIndicator, graph: GraphBuilder, frame: Frame) -> Frame:
    if frame.has_text() or estimator.missing_values == estimator.missing_values:
        raise NoOnnxForm("has a MissingIndicator of values other than NaN, which is not supported")
    missing = graph.cast(graph.node("IsNaN", matrix(graph, frame)))
    chosen = [int(place) for place in estimator.features_]
    found = computed(graph.take(missing, chosen), graph.dtype, [None] * len(chosen))
    return renamed(estimator, found)


@transform.register
def _(estimator: preprocessing.PolynomialFeatures, graph: GraphBuilder, frame: Frame) -> Frame:
    values = matrix(graph, frame)
    powers = np.asarray(estimator.powers_)
    factors = graph.join([values, graph.repeated(1, graph.take(values, [0]))])
    products = ""
    for columns in _factors(powers, frame.width).T:
        selected = graph.take(factors, columns.tolist())
        products = graph.node("Mul", products, selected) if products else selected
    alone = (powers.sum(axis=1) == 1) & (powers.max(axis=1, initial=0) == 1)
    origins = [
        frame.origins[int(row.argmax())] if lone else None
        for row, lone in zip(powers, alone, strict=True)
    ]
    return renamed(estimator, computed(products, graph.dtype, origins))


def _factors(powers: Array, ones: int) -> Array:
    """Return the columns that are factors of each product, padded with a column of ones."""
    degree = max(1, int(powers.sum(axis=1).max()))
    factors = [np.repeat(np.arange(len(row)), row) for row in powers]
    return np.stack(
        [np.pad(each, (0, degree - len(each)), constant_values=ones) for each in factors]
    )


@transform.register
def _(estimator: preprocessing.Normalizer, graph: GraphBuilder, frame: Frame) -> Frame:
    values = matrix(graph, frame)
    size = {"l1": "ReduceL1", "l2": "ReduceL2", "max": "ReduceMax"}[estimator.norm]
    sizes = graph.node("Abs", values) if estimator.norm == "max" else values
    length = graph.node(size, sizes, axes=[1], keepdims=1)
    none = graph.node("Equal", length, graph.number(0))
    found = graph.node("Div", values, graph.node("Where", none, graph.number(1), length))
    return renamed(estimator, computed(found, graph.dtype, [None] * frame.width))


@transform.register
def _(estimator: preprocessing.QuantileTransformer, graph: GraphBuilder, frame: Frame) -> Frame:
    if estimator.output_distribution != "uniform":
        raise NoOnnxForm("has a QuantileTransformer to a normal distribution; use 'uniform'")
    quantiles, shares = np.asarray(estimator.quantiles_), np.asarray(estimator.references_)
    graph.notes.typical(frame.origins, quantiles[:: max(1, len(quantiles) // _FEW)])
    rows, parts = graph.cast(matrix(graph, frame), np.float64), []
    for place, points in enumerate(quantiles.T):
        value = graph.take(rows, [place])
        up = straight(graph, value, points, shares)
        down = straight(graph, graph.node("Neg", value), -points[::-1], -shares[::-1])
        both = graph.node("Mul", graph.node("Sub", up, down), graph.constant(0.5))
        for bound, share in ((points[-1], 1.0), (points[0], 0.0)):
            at = graph.node("Equal", value, graph.constant(bound))
            both = graph.node("Where", at, graph.constant(share), both)
        missing = graph.node("IsNaN", value)
        parts.append(graph.node("Where", missing, value, both))
    found = graph.cast(graph.join(parts))
    return renamed(estimator, computed(found, graph.dtype, [None] * frame.width))
