"""Classifiers that skl2onnx converts wrongly or with other outputs."""

from copy import copy
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.mixture._base import BaseMixture
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, NuSVC

from lading.model_packaging.estimators.calls import (
    Classes,
    classify,
    classify_each,
    decide,
    transform,
)
from lading.model_packaging.estimators.frame import Frame, computed, matrix
from lading.model_packaging.estimators.graph import TWO, GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds import leaves


@classify.register
def _(estimator: LinearDiscriminantAnalysis, graph: GraphBuilder, frame: Frame) -> Classes:
    graph.notes.typical(frame.origins, np.asarray(estimator.means_))
    product = graph.node("MatMul", matrix(graph, frame), graph.number(estimator.coef_.T))
    scores = graph.node("Add", product, graph.number(estimator.intercept_))
    if len(estimator.classes_) > TWO:
        likely = graph.node("Softmax", scores, axis=1)
        return Classes(graph.best(scores), likely, scores)
    second = graph.node("Greater", graph.flat(scores), graph.number(0))
    likely = graph.node("Sigmoid", scores)
    other = graph.node("Sub", graph.number(1), likely)
    return Classes(graph.cast(second, np.int64), graph.join([other, likely]), scores)


@transform.register
def _(estimator: LinearDiscriminantAnalysis, graph: GraphBuilder, frame: Frame) -> Frame:
    if estimator.solver == "lsqr":
        raise NoOnnxForm("has a LinearDiscriminantAnalysis that cannot transform (lsqr)")
    values = matrix(graph, frame)
    if estimator.solver == "svd":
        values = graph.node("Sub", values, graph.number(estimator.xbar_))
    scalings = np.asarray(estimator.scalings_)[:, : estimator._max_components]
    found = graph.node("MatMul", values, graph.number(scalings))
    return computed(found, graph.dtype, [None] * scalings.shape[1])


@classify.register
def _(estimator: BaseMixture, graph: GraphBuilder, frame: Frame) -> Classes:
    """Add the most likely density of a mixture."""
    likely = leaves.shares(estimator, graph, frame)
    return Classes(graph.best(likely), likely)


@classify.register(SVC)
@classify.register(NuSVC)
def _(estimator: Any, graph: GraphBuilder, frame: Frame) -> Classes:
    """Add the class with the most votes; with `break_ties`, the one with the best score."""
    index, likely = leaves.classify(estimator, graph, frame)
    if not estimator.break_ties or len(estimator.classes_) <= TWO:
        return Classes(index, likely)
    return Classes(graph.best(decide(estimator, graph, frame)), likely)


@decide.register(SVC)
@decide.register(NuSVC)
def _(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    scored = copy(estimator)  # with probabilities, skl2onnx would return these as scores
    scored.probability, scored._probA, scored._probB = False, np.empty(0), np.empty(0)
    return leaves.decide(scored, graph, frame)


_ACTIVATIONS = {"identity": "Identity", "logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}


@classify_each.register
def _(estimator: MLPClassifier, graph: GraphBuilder, frame: Frame) -> list[Classes]:
    values = matrix(graph, frame)
    last = len(estimator.coefs_) - 1
    for layer, (weights, bias) in enumerate(
        zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ):
        product = graph.node("MatMul", values, graph.number(weights))
        name = estimator.out_activation_ if layer == last else estimator.activation
        values = graph.node(_ACTIVATIONS[name], graph.node("Add", product, graph.number(bias)))
    found = []
    for label in range(estimator.n_outputs_):
        there = graph.take(values, [label])
        shares = graph.join([graph.node("Sub", graph.number(1), there), there])
        found.append(Classes(graph.best(shares), shares))
    return found
