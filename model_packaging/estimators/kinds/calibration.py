"""Classifiers with calibrated scores or with thresholds."""

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from lading.model_packaging.estimators.calls import Classes, classify, decide
from lading.model_packaging.estimators.curves import straight
from lading.model_packaging.estimators.frame import Frame
from lading.model_packaging.estimators.graph import TWO, GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds.votes import likely_of, mean


@classify.register
def _(estimator: CalibratedClassifierCV, graph: GraphBuilder, frame: Frame) -> Classes:
    parts = [_calibrated(each, graph, frame) for each in estimator.calibrated_classifiers_]
    shares = mean(graph, parts)
    return Classes(graph.best(shares), shares)


def _calibrated(fitted: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add the probabilities of one classifier of a `CalibratedClassifierCV`."""
    if fitted.method not in ("sigmoid", "isotonic"):
        raise NoOnnxForm(f"is calibrated by '{fitted.method}', which is not supported")
    scores = _responses(fitted.estimator, graph, frame)
    count = len(fitted.classes)
    places = np.searchsorted(fitted.classes, fitted.estimator.classes_)
    if count > TWO and len(places) < count:
        raise NoOnnxForm("is calibrated on folds that lack a class; train it with more rows")
    columns = [
        _curve(curve, graph, graph.take(scores, [place]))
        for place, curve in enumerate(fitted.calibrators)
    ]
    if count == TWO:
        other = graph.node("Sub", graph.number(1), columns[0])
        return graph.join([other, columns[0]])
    shares = graph.join(columns)
    total = graph.node("ReduceSum", shares, graph.constant([1]), keepdims=1)
    none = graph.node("Equal", total, graph.number(0))
    even = graph.node("Where", none, graph.number(1 / count), shares)
    return graph.node("Div", even, graph.node("Where", none, graph.number(1), total))


def _responses(member: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add the scores of a classifier: one column for two classes."""
    if hasattr(member, "decision_function"):
        return decide(member, graph, frame)
    shares = str(likely_of(classify(member, graph, frame)).probabilities)
    return graph.take(shares, [1]) if len(member.classes_) == TWO else shares


def _curve(curve: Any, graph: GraphBuilder, scores: str) -> str:
    """Add a calibrator's curve at scores of shape [rows, 1]."""
    if isinstance(curve, IsotonicRegression):
        points = (np.asarray(each) for each in (curve.X_thresholds_, curve.y_thresholds_))
        heights = straight(graph, graph.cast(scores, np.float64), *points)
        return graph.cast(heights)
    scaled = graph.node("Mul", scores, graph.number(-curve.a_))
    return graph.node("Sigmoid", graph.node("Sub", scaled, graph.number(curve.b_)))


@classify.register
def _(estimator: FixedThresholdClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    threshold = estimator.threshold
    if threshold == "auto":
        threshold = 0.5 if _asks_probabilities(estimator) else 0.0
    return _above(estimator, float(threshold), graph, frame)


@classify.register
def _(estimator: TunedThresholdClassifierCV, graph: GraphBuilder, frame: Frame) -> Classes:
    return _above(estimator, float(estimator.best_threshold_), graph, frame)


def _asks_probabilities(estimator: Any) -> bool:
    if estimator.response_method == "auto":
        return hasattr(estimator.estimator_, "predict_proba")
    return bool(estimator.response_method == "predict_proba")


def _above(estimator: Any, threshold: float, graph: GraphBuilder, frame: Frame) -> Classes:
    """Add the decision between two classes by a threshold."""
    member = estimator.estimator_
    classes = list(estimator.classes_)
    label = getattr(estimator, "pos_label", None)
    positive = classes.index(label) if label is not None else 1
    found = classify(member, graph, frame)
    if _asks_probabilities(estimator):
        score = graph.take(str(likely_of(found).probabilities), [positive])
    else:
        score = decide(member, graph, frame)
        score = score if positive else graph.node("Neg", score)
    above = graph.node("GreaterOrEqual", graph.flat(score), graph.number(threshold))
    places = graph.constant(positive), graph.constant(1 - positive)
    return Classes(graph.node("Where", above, *places), found.probabilities)
