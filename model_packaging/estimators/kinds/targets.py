"""Estimators for each class or target, transformed targets, and constant answers."""

from typing import Any

import numpy as np
from sklearn import multiclass, multioutput
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from lading.model_packaging.estimators.calls import (
    Classes,
    classify,
    classify_each,
    decide,
    regress,
)
from lading.model_packaging.estimators.composition import FUNCTIONS
from lading.model_packaging.estimators.frame import Frame, beside, computed, matrix, select
from lading.model_packaging.estimators.graph import TWO, GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds.votes import aligned, likely_of, votes_of

_AFFINE = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)


@classify_each.register
def _(
    estimator: multioutput.MultiOutputClassifier, graph: GraphBuilder, frame: Frame
) -> list[Classes]:
    return [classify(each, graph, frame) for each in estimator.estimators_]


@regress.register
def _(estimator: multioutput.MultiOutputRegressor, graph: GraphBuilder, frame: Frame) -> str:
    return graph.join([regress(each, graph, frame) for each in estimator.estimators_])


@classify_each.register
def _(estimator: multioutput.ClassifierChain, graph: GraphBuilder, frame: Frame) -> list[Classes]:
    """Add each label; the ones before it in the chain are further columns."""
    found: list[Classes] = []
    columns = frame
    for member in estimator.estimators_:
        found.append(classify(member, graph, columns))
        if estimator.chain_method_ == "predict":
            said = graph.upright(
                graph.choose(np.asarray(member.classes_, graph.dtype), found[-1].index)
            )
        elif estimator.chain_method_ == "predict_proba":
            said = graph.take(str(likely_of(found[-1]).probabilities), [1])
        else:
            said = decide(member, graph, columns)
        columns = Frame(beside([columns, computed(said, graph.dtype, [None])]).blocks)
    return [found[place] for place in np.argsort(estimator.order_)]


@regress.register
def _(estimator: multioutput.RegressorChain, graph: GraphBuilder, frame: Frame) -> str:
    answers: list[str] = []
    for member in estimator.estimators_:
        chained = [computed(answer, graph.dtype, [None]) for answer in answers]
        answers.append(regress(member, graph, Frame(beside([frame, *chained]).blocks)))
    order = np.argsort(estimator.order_)
    return graph.join([answers[place] for place in order])


@classify.register
def _(estimator: multiclass.OneVsRestClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    """Add the class whose classifier has the highest score."""
    sure, likely = [], []
    for member in estimator.estimators_:
        if not hasattr(member, "classes_"):
            raise NoOnnxForm("has a OneVsRestClassifier with a class that all rows or no rows have")
        found = classify(member, graph, frame)
        if found.probabilities is not None:
            likely.append(graph.take(found.probabilities, [1]))
        decides = hasattr(member, "decision_function")
        sure.append(decide(member, graph, frame) if decides else likely[-1])
    shares = _shares(graph, likely) if len(likely) == len(sure) else None
    if len(sure) > 1:
        return Classes(graph.best(graph.join(sure)), shares)
    limit = 0.0 if hasattr(estimator.estimators_[0], "decision_function") else 0.5
    second = graph.node("Greater", graph.flat(sure[0]), graph.number(limit))
    return Classes(graph.cast(second, np.int64), shares)


def _shares(graph: GraphBuilder, likely: list[str]) -> str:
    if len(likely) == 1:
        return graph.join([graph.node("Sub", graph.number(1), likely[0]), likely[0]])
    joined = graph.join(likely)
    total = graph.node("ReduceSum", joined, graph.constant([1]), keepdims=1)
    none = graph.node("Equal", total, graph.number(0))
    return graph.node("Div", joined, graph.node("Where", none, graph.number(1), total))


@classify.register
def _(estimator: multiclass.OneVsOneClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    """Add the class with the most votes of pairs; scores break ties."""
    count = len(estimator.classes_)
    pairs = [(one, two) for one in range(count) for two in range(one + 1, count)]
    columns = estimator.pairwise_indices_ or [range(frame.width)] * len(pairs)
    votes, sure = [], []
    for member, pair, chosen in zip(estimator.estimators_, pairs, columns, strict=True):
        part = select(graph, frame, [int(each) for each in chosen])
        decides = hasattr(member, "decision_function")
        found = classify(member, graph, part)
        score = (
            decide(member, graph, part) if decides else graph.take(str(found.probabilities), [1])
        )
        if count == TWO:
            limit = graph.number(0.0 if decides else 0.5)
            return Classes(graph.cast(graph.node("Greater", graph.flat(score), limit), np.int64))
        votes.append(votes_of(graph, aligned(graph, found.index, pair), count))
        signs = np.zeros((1, count))
        signs[0, list(pair)] = -1, 1
        sure.append(graph.node("MatMul", score, graph.number(signs)))
    total = graph.node("Sum", *sure)
    size = graph.node("Add", graph.node("Abs", total), graph.number(1))
    breaks = graph.node("Div", total, graph.node("Mul", size, graph.number(3)))
    return Classes(graph.best(graph.node("Sum", *votes, breaks)))


@classify_each.register
def _(
    estimator: multiclass.OneVsRestClassifier, graph: GraphBuilder, frame: Frame
) -> list[Classes]:
    """Add whether each label is present."""
    return [classify(each, graph, frame) for each in estimator.estimators_]


@regress.register
def _(estimator: TransformedTargetRegressor, graph: GraphBuilder, frame: Frame) -> str:
    answer = regress(estimator.regressor_, graph, frame)
    return _restored(estimator, graph, answer)


def _restored(estimator: Any, graph: GraphBuilder, answer: str) -> str:
    """Add the target in its original scale."""
    if estimator.transformer is None:
        inverse = estimator.inverse_func
        if inverse is None:
            return answer
        if inverse not in FUNCTIONS:
            name = getattr(inverse, "__name__", "a function")
            raise NoOnnxForm(f"has an inverse_func {name}, which has no ONNX form")
        return FUNCTIONS[inverse](graph, answer)
    fitted = estimator.transformer_
    if not isinstance(fitted, _AFFINE):
        kind = type(fitted).__name__
        raise NoOnnxForm(f"transforms its target by a {kind}, which is not supported")
    ends = (np.full((1, fitted.n_features_in_), each) for each in (0.0, 1.0))
    start, end = map(fitted.inverse_transform, ends)
    scaled = graph.node("Mul", answer, graph.number(end - start))
    return graph.node("Add", scaled, graph.number(start))


def _always(graph: GraphBuilder, frame: Frame, answer: Any) -> str:
    """Add the same answer for each row, of shape [rows, values]."""
    return graph.repeated(answer, graph.take(matrix(graph, frame), [0]))


@classify.register
def _(estimator: DummyClassifier, graph: GraphBuilder, frame: Frame) -> Classes:
    if estimator.strategy not in ("most_frequent", "prior", "constant"):
        raise NoOnnxForm(
            f"is a DummyClassifier with random answers (strategy='{estimator.strategy}')"
        )
    likely = _always(graph, frame, estimator.predict_proba(np.zeros((1, frame.width))))
    return Classes(graph.best(likely), likely)


@regress.register
def _(estimator: DummyRegressor, graph: GraphBuilder, frame: Frame) -> str:
    return _always(graph, frame, np.asarray(estimator.constant_).reshape(1, -1))
