"""Estimators that ask others and put their answers together."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import ensemble, multiclass, multioutput
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from model_packaging.estimators.calls import (
    Classes,
    classify,
    classify_each,
    decide,
    regress,
)
from model_packaging.estimators.composition import FUNCTIONS
from model_packaging.estimators.frame import Frame, beside, computed, matrix, select
from model_packaging.estimators.graph import Graph, Unsupported

_TWO = 2


def _mean(graph: Graph, tensors: Sequence[str], weights: Any = None) -> str:
    """The weighted mean of tensors of one shape."""
    shares = np.ones(len(tensors)) if weights is None else np.asarray(weights, np.float64)
    shares = shares / shares.sum()
    parts = [
        graph.node("Mul", tensor, graph.number(share))
        for tensor, share in zip(tensors, shares.tolist(), strict=True)
    ]
    return graph.node("Sum", *parts)


def _votes(graph: Graph, index: str, classes: int) -> str:
    """1 for the class that each row votes for, else 0: [rows, classes]."""
    marks = graph.node(
        "Equal", graph.upright(index), graph.constant([list(range(classes))], np.int64)
    )
    return graph.cast(marks)


def _likely(found: Classes) -> Classes:
    if found.probabilities is None:
        raise Unsupported("has a classifier without probabilities where some are needed")
    return found


# Voting


@classify.register
def _(estimator: ensemble.VotingClassifier, graph: Graph, frame: Frame) -> Classes:
    found = [classify(each, graph, frame) for each in estimator.estimators_]
    weights = estimator._weights_not_none
    if estimator.voting == "soft":
        shares = _mean(graph, [str(_likely(each).probabilities) for each in found], weights)
        return Classes(graph.best(shares), shares)
    votes = [
        _votes(graph, _aligned(graph, each.index, member.classes_), len(estimator.classes_))
        for each, member in zip(found, estimator.estimators_, strict=True)
    ]
    return Classes(graph.best(_mean(graph, votes, weights)))


def _aligned(graph: Graph, index: str, numbers: Any) -> str:
    """The class's number in the whole, of its place among a member's classes."""
    places = np.asarray(numbers, np.int64)
    return index if np.array_equal(places, np.arange(len(places))) else graph.choose(places, index)


@regress.register
def _(estimator: ensemble.VotingRegressor, graph: Graph, frame: Frame) -> str:
    members = [regress(each, graph, frame) for each in estimator.estimators_]
    return _mean(graph, members, estimator._weights_not_none)


# Stacking


def _stacked(estimator: Any, graph: Graph, frame: Frame) -> Frame:
    """What the members say, as columns for the last estimator."""
    parts = []
    methods = zip(estimator.estimators_, estimator.stack_method_, strict=True)
    for member, method in methods:
        tensor, width = _column(member, method, graph, frame)
        parts.append(computed(tensor, graph.dtype, [None] * width))
    return beside([*parts, frame] if estimator.passthrough else parts)


def _column(member: Any, method: str, graph: Graph, frame: Frame) -> tuple[str, int]:
    if not hasattr(member, "classes_"):
        return regress(member, graph, frame), 1
    count = len(member.classes_)
    if method == "predict_proba":
        shares = str(_likely(classify(member, graph, frame)).probabilities)
        return (graph.take(shares, [1]), 1) if count == _TWO else (shares, count)
    if method == "decision_function":
        return decide(member, graph, frame), 1 if count == _TWO else count
    label = graph.choose(
        np.asarray(member.classes_, graph.dtype), classify(member, graph, frame).index
    )
    return graph.upright(label), 1


@classify.register
def _(estimator: ensemble.StackingClassifier, graph: Graph, frame: Frame) -> Classes:
    last = estimator.final_estimator_
    found = classify(last, graph, _stacked(estimator, graph, frame))
    return Classes(_aligned(graph, found.index, last.classes_), found.probabilities)


@regress.register
def _(estimator: ensemble.StackingRegressor, graph: Graph, frame: Frame) -> str:
    return regress(estimator.final_estimator_, graph, _stacked(estimator, graph, frame))


# Bagging and boosting


def _members(estimator: Any, frame: Frame, graph: Graph) -> list[tuple[Any, Frame]]:
    """Each member with the columns that it takes."""
    whole = list(range(frame.width))
    return [
        (
            member,
            frame
            if list(features) == whole
            else select(graph, frame, [int(each) for each in features]),
        )
        for member, features in zip(
            estimator.estimators_, estimator.estimators_features_, strict=True
        )
    ]


@classify.register
def _(estimator: ensemble.BaggingClassifier, graph: Graph, frame: Frame) -> Classes:
    count, parts = len(estimator.classes_), []
    for member, columns in _members(estimator, frame, graph):
        found = classify(member, graph, columns)
        numbers = np.asarray(member.classes_, np.int64)
        if found.probabilities is None:
            parts.append(_votes(graph, _aligned(graph, found.index, numbers), count))
        else:
            parts.append(_spread(graph, found.probabilities, numbers, count))
    shares = _mean(graph, parts)
    return Classes(graph.best(shares), shares)


def _spread(graph: Graph, shares: str, numbers: Any, count: int) -> str:
    """Probabilities of a member's classes, at their places among all."""
    if len(numbers) == count:
        return shares
    places = np.zeros((len(numbers), count))
    places[np.arange(len(numbers)), numbers] = 1
    return graph.node("MatMul", shares, graph.number(places))


@regress.register
def _(estimator: ensemble.BaggingRegressor, graph: Graph, frame: Frame) -> str:
    return _mean(
        graph, [regress(*_called(each, graph)) for each in _members(estimator, frame, graph)]
    )


def _called(member: tuple[Any, Frame], graph: Graph) -> tuple[Any, Graph, Frame]:
    return member[0], graph, member[1]


@classify.register
def _(estimator: ensemble.AdaBoostClassifier, graph: Graph, frame: Frame) -> Classes:
    """Votes count as `AdaBoostClassifier.decision_function` counts them."""
    count = len(estimator.classes_)
    if count == 1:
        raise Unsupported("has an AdaBoostClassifier of one class")
    weights = estimator.estimator_weights_[: len(estimator.estimators_)]
    votes = []
    for member, weight in zip(estimator.estimators_, weights.tolist(), strict=True):
        places = np.searchsorted(estimator.classes_, member.classes_)
        ours = _votes(graph, _aligned(graph, classify(member, graph, frame).index, places), count)
        # weight for the class that is voted for, -weight / (classes - 1) for each other
        scaled = graph.node("Mul", ours, graph.number(weight * count / (count - 1)))
        votes.append(graph.node("Sub", scaled, graph.number(weight / (count - 1))))
    decision = graph.node("Div", graph.node("Sum", *votes), graph.number(weights.sum()))
    if count == _TWO:
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
def _(estimator: ensemble.AdaBoostRegressor, graph: Graph, frame: Frame) -> str:
    """The weighted median of the members."""
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


# Calibration and thresholds


@classify.register
def _(estimator: CalibratedClassifierCV, graph: Graph, frame: Frame) -> Classes:
    parts = [_calibrated(each, graph, frame) for each in estimator.calibrated_classifiers_]
    shares = _mean(graph, parts)
    return Classes(graph.best(shares), shares)


def _calibrated(fitted: Any, graph: Graph, frame: Frame) -> str:
    """Probabilities of one of the classifiers behind a `CalibratedClassifierCV`."""
    if fitted.method not in ("sigmoid", "isotonic"):
        raise Unsupported(f"is calibrated by '{fitted.method}', which is not supported")
    scores = _responses(fitted.estimator, graph, frame)
    count = len(fitted.classes)
    places = np.searchsorted(fitted.classes, fitted.estimator.classes_)
    if count > _TWO and len(places) < count:
        raise Unsupported("is calibrated on folds that lack a class")
    columns = [
        _curve(curve, graph, graph.take(scores, [place]))
        for place, curve in enumerate(fitted.calibrators)
    ]
    if count == _TWO:
        other = graph.node("Sub", graph.number(1), columns[0])
        return graph.join([other, columns[0]])
    shares = graph.join(columns)
    total = graph.node("ReduceSum", shares, graph.constant([1]), keepdims=1)
    none = graph.node("Equal", total, graph.number(0))
    even = graph.node("Where", none, graph.number(1 / count), shares)
    return graph.node("Div", even, graph.node("Where", none, graph.number(1), total))


def _responses(member: Any, graph: Graph, frame: Frame) -> str:
    """Scores of a classifier: one column for two classes."""
    if hasattr(member, "decision_function"):
        return decide(member, graph, frame)
    shares = str(_likely(classify(member, graph, frame)).probabilities)
    return graph.take(shares, [1]) if len(member.classes_) == _TWO else shares


def _curve(curve: Any, graph: Graph, scores: str) -> str:
    """A calibrator's curve at scores of shape [rows, 1]."""
    if isinstance(curve, IsotonicRegression):
        return _steps(curve, graph, scores)
    scaled = graph.node("Mul", scores, graph.number(-curve.a_))
    return graph.node("Sigmoid", graph.node("Sub", scaled, graph.number(curve.b_)))


def _steps(curve: IsotonicRegression, graph: Graph, scores: str) -> str:
    """Straight lines between the curve's points."""
    x, y = (np.asarray(each, np.float64) for each in (curve.X_thresholds_, curve.y_thresholds_))
    if len(x) == 1:
        flat = graph.node("Mul", graph.cast(scores, np.float64), graph.constant(0.0))
        return graph.cast(graph.node("Add", flat, graph.constant(y[0])))
    value = graph.cast(scores, np.float64)
    value = graph.node("Clip", value, graph.constant(x[0]), graph.constant(x[-1]))
    passed = (
        graph.cast(graph.node("GreaterOrEqual", value, graph.constant(x[None, 1:-1])), np.int64)
        if len(x) > _TWO
        else ""
    )
    first = graph.node("Cast", graph.node("Mul", value, graph.constant(0.0)), to=7)
    place = graph.node("ReduceSum", passed, graph.constant([1]), keepdims=1) if passed else first
    slopes = np.diff(y) / np.diff(x)
    beyond = graph.node("Sub", value, graph.choose(x[:-1], place))
    rise = graph.node("Mul", beyond, graph.choose(slopes, place))
    return graph.cast(graph.node("Add", graph.choose(y[:-1], place), rise))


@classify.register
def _(estimator: FixedThresholdClassifier, graph: Graph, frame: Frame) -> Classes:
    threshold = estimator.threshold
    if threshold == "auto":
        threshold = 0.5 if _asks_probabilities(estimator) else 0.0
    return _above(estimator, float(threshold), graph, frame)


@classify.register
def _(estimator: TunedThresholdClassifierCV, graph: Graph, frame: Frame) -> Classes:
    return _above(estimator, float(estimator.best_threshold_), graph, frame)


def _asks_probabilities(estimator: Any) -> bool:
    if estimator.response_method == "auto":
        return hasattr(estimator.estimator_, "predict_proba")
    return bool(estimator.response_method == "predict_proba")


def _above(estimator: Any, threshold: float, graph: Graph, frame: Frame) -> Classes:
    """Two classes, told apart at a threshold."""
    member = estimator.estimator_
    classes = list(estimator.classes_)
    label = getattr(estimator, "pos_label", None)
    positive = classes.index(label) if label is not None else 1
    found = classify(member, graph, frame)
    if _asks_probabilities(estimator):
        score = graph.take(str(_likely(found).probabilities), [positive])
    else:
        score = decide(member, graph, frame)
        score = score if positive else graph.node("Neg", score)
    above = graph.node("GreaterOrEqual", graph.flat(score), graph.number(threshold))
    places = graph.constant(positive), graph.constant(1 - positive)
    return Classes(graph.node("Where", above, *places), found.probabilities)


# One estimator for each class or target


@classify_each.register
def _(estimator: multioutput.MultiOutputClassifier, graph: Graph, frame: Frame) -> list[Classes]:
    return [classify(each, graph, frame) for each in estimator.estimators_]


@regress.register
def _(estimator: multioutput.MultiOutputRegressor, graph: Graph, frame: Frame) -> str:
    return graph.join([regress(each, graph, frame) for each in estimator.estimators_])


@regress.register
def _(estimator: multioutput.RegressorChain, graph: Graph, frame: Frame) -> str:
    answers: list[str] = []
    for member in estimator.estimators_:
        chained = [computed(answer, graph.dtype, [None]) for answer in answers]
        answers.append(regress(member, graph, Frame(beside([frame, *chained]).blocks)))
    order = np.argsort(estimator.order_)
    return graph.join([answers[place] for place in order])


@classify.register
def _(estimator: multiclass.OneVsRestClassifier, graph: Graph, frame: Frame) -> Classes:
    """The class whose own classifier is surest."""
    sure, likely = [], []
    for member in estimator.estimators_:
        if not hasattr(member, "classes_"):
            raise Unsupported("has a OneVsRestClassifier with a class that is always or never")
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


def _shares(graph: Graph, likely: list[str]) -> str:
    if len(likely) == 1:
        return graph.join([graph.node("Sub", graph.number(1), likely[0]), likely[0]])
    joined = graph.join(likely)
    total = graph.node("ReduceSum", joined, graph.constant([1]), keepdims=1)
    none = graph.node("Equal", total, graph.number(0))
    return graph.node("Div", joined, graph.node("Where", none, graph.number(1), total))


@classify.register
def _(estimator: multiclass.OneVsOneClassifier, graph: Graph, frame: Frame) -> Classes:
    """The class with the most votes of pairs; how sure they are breaks ties."""
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
        if count == _TWO:
            limit = graph.number(0.0 if decides else 0.5)
            return Classes(graph.cast(graph.node("Greater", graph.flat(score), limit), np.int64))
        votes.append(_votes(graph, _aligned(graph, found.index, pair), count))
        signs = np.zeros((1, count))
        signs[0, list(pair)] = -1, 1
        sure.append(graph.node("MatMul", score, graph.number(signs)))
    total = graph.node("Sum", *sure)
    size = graph.node("Add", graph.node("Abs", total), graph.number(1))
    breaks = graph.node("Div", total, graph.node("Mul", size, graph.number(3)))
    return Classes(graph.best(graph.node("Sum", *votes, breaks)))


@classify_each.register
def _(estimator: multiclass.OneVsRestClassifier, graph: Graph, frame: Frame) -> list[Classes]:
    """Of each label whether it is there."""
    return [classify(each, graph, frame) for each in estimator.estimators_]


@regress.register
def _(estimator: TransformedTargetRegressor, graph: Graph, frame: Frame) -> str:
    answer = regress(estimator.regressor_, graph, frame)
    return _restored(estimator, graph, answer)


def _restored(estimator: Any, graph: Graph, answer: str) -> str:
    """The target before it was transformed."""
    if estimator.transformer is None:
        inverse = estimator.inverse_func
        if inverse is None:
            return answer
        if inverse not in FUNCTIONS:
            name = getattr(inverse, "__name__", "a function")
            raise Unsupported(f"has an inverse_func {name}, which has no ONNX form")
        return FUNCTIONS[inverse](graph, answer)
    fitted = estimator.transformer_
    if type(fitted).__name__ not in (
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
    ):
        raise Unsupported(
            f"transforms its target by a {type(fitted).__name__}, which is not supported"
        )
    width = fitted.n_features_in_
    start, end = (
        fitted.inverse_transform(np.zeros((1, width))),
        fitted.inverse_transform(np.ones((1, width))),
    )
    scaled = graph.node("Mul", answer, graph.number(end - start))
    return graph.node("Add", scaled, graph.number(start))


def _always(graph: Graph, frame: Frame, answer: Any) -> str:
    """The same answer to each row, of shape [rows, values]."""
    rows = graph.node("IsNaN", graph.take(matrix(graph, frame), [0]))
    return graph.node("Where", rows, graph.number(answer), graph.number(answer))


@classify.register
def _(estimator: DummyClassifier, graph: Graph, frame: Frame) -> Classes:
    if estimator.strategy not in ("most_frequent", "prior", "constant"):
        raise Unsupported(f"is a DummyClassifier that answers by chance ({estimator.strategy})")
    likely = _always(graph, frame, estimator.predict_proba(np.zeros((1, frame.width))))
    return Classes(graph.best(likely), likely)


@regress.register
def _(estimator: DummyRegressor, graph: Graph, frame: Frame) -> str:
    return _always(graph, frame, np.asarray(estimator.constant_).reshape(1, -1))
