"""Ensembles: voting, stacking, bagging and AdaBoost."""

from typing import Any

import numpy as np
from sklearn import ensemble

from lading.model_packaging.estimators.calls import Classes, classify, decide, regress
from lading.model_packaging.estimators.frame import Frame, beside, computed, select
from lading.model_packaging.estimators.graph import TWO, GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds.votes import aligned, likely_of, mean, votes_of

# Voting


@classify.register
def _(estimator: ensemble.VotingClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    found = [classify(each, graph, frame) for each in estimator.estimators_]
    weights = estimator._weights_not_none
    if estimator.voting == "soft":
        shares = mean(graph, [str(likely_of(each).probabilities) for each in found], weights)
        return Classes(graph.best(shares), shares)
    votes = [
        votes_of(graph, aligned(graph, each.index, member.classes_), len(estimator.classes_))
        for each, member in zip(found, estimator.estimators_, strict=True)
    ]
    return Classes(graph.best(mean(graph, votes, weights)))


@regress.register
def _(estimator: ensemble.VotingRegressor, graph: GraphBuilder, frame: Frame) -> str:
    members = [regress(each, graph, frame) for each in estimator.estimators_]
    return mean(graph, members, estimator._weights_not_none)


# Stacking


def _stacked(estimator: Any, graph: GraphBuilder, frame: Frame) -> Frame:
    """Add the members' answers, as columns for the last estimator."""
    parts = []
    methods = zip(estimator.estimators_, estimator.stack_method_, strict=True)
    for member, method in methods:
        tensor, width = _column(member, method, graph, frame)
        parts.append(computed(tensor, graph.dtype, [None] * width))
    return beside([*parts, frame] if estimator.passthrough else parts)


def _column(member: Any, method: str, graph: GraphBuilder, frame: Frame) -> tuple[str, int]:
    if not hasattr(member, "classes_"):
        return regress(member, graph, frame), 1
    count = len(member.classes_)
    if method == "predict_proba":
        shares = str(likely_of(classify(member, graph, frame)).probabilities)
        return (graph.take(shares, [1]), 1) if count == TWO else (shares, count)
    if method == "decision_function":
        return decide(member, graph, frame), 1 if count == TWO else count
    label = graph.choose(
        np.asarray(member.classes_, graph.dtype), classify(member, graph, frame).index
    )
    return graph.upright(label), 1


@classify.register
def _(estimator: ensemble.StackingClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    last = estimator.final_estimator_
    found = classify(last, graph, _stacked(estimator, graph, frame))
    return Classes(aligned(graph, found.index, last.classes_), found.probabilities)


@regress.register
def _(estimator: ensemble.StackingRegressor, graph: GraphBuilder, frame: Frame) -> str:
    return regress(estimator.final_estimator_, graph, _stacked(estimator, graph, frame))


# Bagging and boosting


def _members(estimator: Any, frame: Frame, graph: GraphBuilder) -> list[tuple[Any, Frame]]:
    """Return each member with its columns."""
    members = zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    return [(member, select(graph, frame, list(map(int, columns)))) for member, columns in members]


@classify.register
def _(estimator: ensemble.BaggingClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    count, parts = len(estimator.classes_), []
    for member, columns in _members(estimator, frame, graph):
        found = classify(member, graph, columns)
        numbers = np.asarray(member.classes_, np.int64)
        if found.probabilities is None:
            parts.append(votes_of(graph, aligned(graph, found.index, numbers), count))
        else:
            parts.append(_spread(graph, found.probabilities, numbers, count))
    shares = mean(graph, parts)
    return Classes(graph.best(shares), shares)


def _spread(graph: GraphBuilder, shares: str, numbers: Any, count: int) -> str:
    """Add the probabilities of a member's classes, at their places among all classes."""
    if len(numbers) == count:
        return shares
    places = np.zeros((len(numbers), count))
    places[np.arange(len(numbers)), numbers] = 1
    return graph.node("MatMul", shares, graph.number(places))


@regress.register
def _(estimator: ensemble.BaggingRegressor, graph: GraphBuilder, frame: Frame) -> str:
    members = _members(estimator, frame, graph)
    return mean(graph, [regress(member, graph, columns) for member, columns in members])


@classify.register
def _(estimator: ensemble.AdaBoostClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    """Add votes as `AdaBoostClassifier.decision_function` counts them."""
    count = len(estimator.classes_)
    if count == 1:
        raise NoOnnxForm("has an AdaBoostClassifier of one class; train it on at least two")
    weights = estimator.estimator_weights_[: len(estimator.estimators_)]
    votes = []
    for member, weight in zip(estimator.estimators_, weights.tolist(), strict=True):
        places = np.searchsorted(estimator.classes_, member.classes_)
        index = aligned(graph, classify(member, graph, frame).index, places)
        vote = votes_of(graph, index, count)
        # weight for the class with the vote, -weight / (classes - 1) for each other
        scaled = graph.node("Mul", vote, graph.number(weight * count / (count - 1)))
        votes.append(graph.node("Sub", scaled, graph.number(weight / (count - 1))))
    decision = graph.node("Div", graph.node("Sum", *votes), graph.number(weights.sum()))
    if count == TWO:
        signs = graph.number([[-1.0], [1.0]])
        decision = graph.node("MatMul", decision, signs)
        logits = graph.node("MatMul", decision, graph.number([[-0.5, 0.5]]))
        second = graph.node("Greater", graph.flat(decision), graph.number(0))
        return Classes(
            graph.cast(second, np.int64), graph.node("Softmax", logits, axis=1), decision
        )
    logits = graph.node("Div", decision, graph.number(count - 1))
    return Classes(graph.best(decision), graph.node("Softmax", logits, axis=1), decision)


@regress.register
def _(estimator: ensemble.AdaBoostRegressor, graph: GraphBuilder, frame: Frame) -> str:
    """Add the weighted median of the members."""
    members = [regress(each, graph, frame) for each in estimator.estimators_]
    weights = estimator.estimator_weights_[: len(members)]
    count = graph.constant([len(members)], np.int64)
    values, order = graph.nodes(2, "TopK", graph.join(members), count, axis=1, largest=0)
    reached = graph.node(
        "CumSum", graph.choose(weights.astype(np.float64), order), graph.constant(1)
    )
    half = graph.node("GreaterOrEqual", reached, graph.constant(weights.sum() / 2 - 1e-12))
    place = graph.node("ArgMax", graph.cast(half, np.float32), axis=1, keepdims=1)
    return graph.node("GatherElements", values, place, axis=1)
