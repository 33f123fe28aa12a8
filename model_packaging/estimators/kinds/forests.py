"""scikit-learn's trees and forests: a TreeEnsemble of raw values, and nodes that transform them."""

from typing import Any

import numpy as np
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble._forest import ForestClassifier, ForestRegressor
from sklearn.ensemble._iforest import _average_path_length

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.calls import (
    Classes,
    classify,
    classify_each,
    detect,
    regress,
    transform,
)
from lading.model_packaging.estimators.frame import Frame, computed
from lading.model_packaging.estimators.graph import TWO, GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds.trees import grow, of_sklearn

_NEAR = 1e-9
"""Isolation forests have their threshold at a training row; sums in another order are this near."""


@classify.register(tree.DecisionTreeClassifier)
@classify.register(ForestClassifier)
def _(estimator: Any, graph: GraphBuilder, frame: Frame) -> Classes:
    found: list[Classes] = _of_labels(estimator, graph, frame)
    return found[0]


@classify_each.register(tree.DecisionTreeClassifier)
@classify_each.register(ForestClassifier)
def _of_labels(estimator: Any, graph: GraphBuilder, frame: Frame) -> list[Classes]:
    """Add the probability of each class, for each label: [rows, classes]."""
    trees = [of_sklearn(each.tree_, _normal(each.tree_.value)) for each in _members(estimator)]
    labels, counts = estimator.n_outputs_, np.atleast_1d(estimator.n_classes_)
    most = trees[0].values.shape[1] // labels
    # Sums come before the division, so that exact ties of forests stay exact.
    sums = grow(graph, frame, trees, most * labels)
    means = graph.node("Div", sums, graph.number(len(trees)))
    spans = [range(label * most, label * most + count) for label, count in enumerate(counts)]
    shares = [means] if labels == 1 else [graph.take(means, span) for span in spans]
    return [Classes(graph.best(each), each) for each in shares]


def _members(estimator: Any) -> list[Any]:
    """Return the trees of a forest; of a single tree, itself."""
    return list(getattr(estimator, "estimators_", [estimator]))


def _normal(values: Array) -> Array:
    """Return shares of classes: [nodes, labels, classes]; older versions store counts."""
    return np.asarray(values / np.maximum(values.sum(axis=2, keepdims=True), 1e-300))


@regress.register(tree.DecisionTreeRegressor)
@regress.register(ForestRegressor)
def _(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    members = _members(estimator)
    trees = [of_sklearn(each.tree_, each.tree_.value / len(members)) for each in members]
    return grow(graph, frame, trees, estimator.n_outputs_)


@classify.register
def _(estimator: ensemble.GradientBoostingClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    raw = _boosted(estimator, graph, frame)
    if estimator.loss == "exponential":
        odds = graph.node("Mul", raw, graph.number(2))
        return _binary(graph, raw, odds, least=True)
    return of_raw(graph, raw, estimator.n_classes_, least=True)


@regress.register
def _(estimator: ensemble.GradientBoostingRegressor, graph: GraphBuilder, frame: Frame) -> str:
    return _boosted(estimator, graph, frame)


def _boosted(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add the raw values, of shape [rows, trees of a stage]."""
    if not isinstance(estimator.init_, (str, DummyClassifier, DummyRegressor)):
        kind = type(estimator.init_).__name__
        raise NoOnnxForm(f"starts from a {kind} (init), which is not supported; use init=None")
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))
    trees = [
        of_sklearn(each.tree_, each.tree_.value * estimator.learning_rate, target=target)
        for stage in estimator.estimators_
        for target, each in enumerate(stage)
    ]
    return graph.node("Add", grow(graph, frame, trees, start.shape[1]), graph.number(start))


def of_raw(graph: GraphBuilder, raw: str, classes: int, *, least: bool) -> Classes:
    """Add the classes for the logits of boosted trees; two classes share one logit."""
    if classes <= TWO:
        return _binary(graph, raw, raw, least=least)
    return Classes(graph.best(raw), graph.node("Softmax", raw, axis=1), raw)


def _binary(graph: GraphBuilder, raw: str, odds: str, *, least: bool) -> Classes:
    """Add two classes: the second where `raw` is above 0, or at least 0 if `least`."""
    compare = "GreaterOrEqual" if least else "Greater"
    second = graph.node(compare, graph.flat(raw), graph.number(0))
    likely = graph.node("Sigmoid", odds)
    other = graph.node("Sub", graph.number(1), likely)
    return Classes(graph.cast(second, np.int64), graph.join([other, likely]), raw)


@detect.register
def _(estimator: ensemble.IsolationForest, graph: GraphBuilder, frame: Frame) -> str:
    """Add 1, or -1 for an outlier, which has a short path through the trees.

    Path lengths are added in float64, because the threshold is the score of a training row.
    """
    trees, lengths = [], []
    paths = zip(
        estimator._decision_path_lengths, estimator._average_path_length_per_tree, strict=True
    )
    members = zip(estimator.estimators_, estimator.estimators_features_, paths, strict=True)
    for target, (each, features, (steps, average)) in enumerate(members):
        places = np.arange(each.tree_.node_count, dtype=np.float64)
        trees.append(of_sklearn(each.tree_, places, features, target))
        lengths.append(steps + average - 1.0)
    leaf = graph.cast(grow(graph, frame, trees, len(trees)), np.int64)
    starts = np.cumsum([0, *map(len, lengths[:-1])])
    place = graph.node("Add", leaf, graph.constant(starts, np.int64))
    depths = graph.choose(np.concatenate(lengths).astype(np.float64), place)
    depth = graph.node("ReduceSum", depths, graph.constant([1]), keepdims=0)
    whole = len(trees) * float(_average_path_length([estimator._max_samples])[0])
    least = -np.log2(-estimator.offset_) * whole
    inside = graph.node("GreaterOrEqual", depth, graph.constant(least - _NEAR * max(whole, 1.0)))
    return graph.node("Where", inside, graph.constant(1), graph.constant(-1))


@transform.register
def _(estimator: ensemble.RandomTreesEmbedding, graph: GraphBuilder, frame: Frame) -> Frame:
    trees = [
        of_sklearn(each.tree_, np.arange(each.tree_.node_count, dtype=np.float64), target=target)
        for target, each in enumerate(estimator.estimators_)
    ]
    leaves = grow(graph, frame, trees, len(trees))
    return transform(
        estimator.one_hot_encoder_, graph, computed(leaves, graph.dtype, [None] * len(trees))
    )
