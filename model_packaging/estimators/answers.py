"""The outputs of each kind of estimator, as its own calls and as nodes of a graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.multioutput import ClassifierChain
from sklearn.utils import get_tags

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import as_bytes
from lading.model_packaging.estimators.calls import (
    Classes,
    classify,
    classify_each,
    detect,
    regress,
    transform,
)
from lading.model_packaging.estimators.frame import Frame, matrix
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm, as_array
from lading.model_packaging.estimators.kinds.boosters import is_booster, labels_of

LABEL, SCORES = "label", "probabilities"

_Outputs = dict[str, tuple[str, Any, int | None]]
"""By name, each output's tensor, dtype and width; without a width its shape is [rows]."""


@dataclass(frozen=True, slots=True)
class EstimatorOutputs:
    """The outputs of a kind of estimator.

    Args:
        add: adds the nodes to a graph.
        ask: returns the estimator's own answer to rows; a second argument is the type of numbers
            in it, None to leave them as they are, and FP32 by default.
        classes: the classes of an output with a column for each, in their order.
    """

    add: Callable[[GraphBuilder, Frame], _Outputs]
    ask: Callable[..., dict[str, Array]]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def answer_of(estimator: Any) -> EstimatorOutputs:
    """Return the outputs of an estimator.

    Raises:
        NoOnnxForm: it can neither predict nor transform.
    """
    kind = get_tags(estimator).estimator_type
    if kind == "classifier" and _several(estimator):
        return _labels(estimator)
    if kind == "classifier":
        return _label(estimator)
    if kind in ("clusterer", "outlier_detector") and hasattr(estimator, "predict"):
        return _detector(estimator)
    if kind == "regressor" or (is_booster(estimator) and kind is None):  # a ranker
        return _regressor(estimator)
    if hasattr(estimator, "transform"):
        return _transformer(estimator)
    if kind == "density_estimator" and hasattr(estimator, "predict_proba"):
        return _mixture(estimator)
    raise NoOnnxForm(f"is a {type(estimator).__name__}, which can neither predict nor transform")


def _several(estimator: Any) -> bool:
    """Return whether a classifier returns several labels for each row."""
    last = _last_step(estimator)
    kind = getattr(getattr(last, "_label_binarizer", None), "y_type_", "")
    several = bool(getattr(last, "multilabel_", False)) or "multilabel" in kind
    several |= labels_of(last) > 1
    return several or isinstance(getattr(last, "classes_", None), list)


def _last_step(estimator: Any) -> Any:
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator


def _named(labels: Any) -> Array:
    """Return labels in the types that the model returns: int64, float64 or text."""
    classes = np.asarray(labels)
    if classes.dtype.kind == "f" and not (np.isfinite(classes).all() and (classes % 1 == 0).all()):
        return classes.astype(np.float64)
    if classes.dtype.kind in "biuf":
        return classes.astype(np.int64)
    kinds = {type(each) for each in classes.ravel().tolist()}
    if kinds <= {str}:
        return classes.astype(np.object_)
    if all(issubclass(each, int) for each in kinds):
        return classes.astype(np.int64)
    raise NoOnnxForm("has classes of several types; train it with texts or integers")


def _as_label(labels: Any, classes: Array) -> Array:
    array = np.asarray(labels)
    return as_bytes(array) if classes.dtype.kind == "O" else array.astype(classes.dtype)


def _label(estimator: Any) -> EstimatorOutputs:
    classes = _named(estimator.classes_)
    scored = hasattr(estimator, "predict_proba")

    def add(graph: GraphBuilder, frame: Frame) -> _Outputs:
        found = classify(estimator, graph, frame)
        outputs: _Outputs = {LABEL: (graph.choose(classes, found.index), classes.dtype, None)}
        if scored:
            outputs[SCORES] = (_scores(graph, found), np.float32, len(classes))
        return outputs

    def ask(rows: Any, numbers: Any = np.float32) -> dict[str, Array]:
        answers = {LABEL: _as_label(estimator.predict(rows), classes)}
        if scored:
            answers[SCORES] = np.asarray(estimator.predict_proba(rows), numbers)
        return answers

    named = {SCORES: tuple(map(str, classes.tolist()))} if scored else {}
    return EstimatorOutputs(add, ask, named)


def _scores(graph: GraphBuilder, found: Classes) -> str:
    if found.probabilities is None:
        raise NoOnnxForm("has no ONNX form that returns probabilities")
    return graph.cast(found.probabilities, np.float32)


def _labels(estimator: Any) -> EstimatorOutputs:
    """Return the outputs of a multilabel classifier: `label`, and `probabilities_0` and so on."""
    chained = isinstance(_last_step(estimator), ClassifierChain)
    if chained and any(list(each) != [0, 1] for each in estimator.classes_):
        raise NoOnnxForm("has a ClassifierChain of labels other than 0 and 1")
    flags = chained or not isinstance(estimator.classes_, list)
    count = labels_of(_last_step(estimator)) or len(estimator.classes_)
    each_classes = [np.arange(2)] * count if flags else estimator.classes_
    classes = [_named(each) for each in each_classes]
    if len({each.dtype for each in classes}) > 1:
        raise NoOnnxForm("has labels of several types; train a model for each")
    scored = hasattr(estimator, "predict_proba")

    def add(graph: GraphBuilder, frame: Frame) -> _Outputs:
        found = classify_each(estimator, graph, frame)
        labels = [
            graph.upright(graph.choose(names, each.index))
            for names, each in zip(classes, found, strict=True)
        ]
        outputs: _Outputs = {LABEL: (graph.join(labels), classes[0].dtype, len(labels))}
        if scored and flags:
            likely = [graph.take(_scores(graph, each), [1]) for each in found]
            outputs[SCORES] = (graph.join(likely), np.float32, len(found))
        elif scored:
            outputs |= {
                f"{SCORES}_{place}": (_scores(graph, each), np.float32, len(classes[place]))
                for place, each in enumerate(found)
            }
        return outputs

    def ask(rows: Any, numbers: Any = np.float32) -> dict[str, Array]:
        answers = {LABEL: _as_label(as_array(estimator.predict(rows)), classes[0])}
        if scored and flags:
            answers[SCORES] = np.asarray(as_array(estimator.predict_proba(rows)), numbers)
        elif scored:
            answers |= {
                f"{SCORES}_{place}": np.asarray(each, numbers)
                for place, each in enumerate(estimator.predict_proba(rows))
            }
        return answers

    return EstimatorOutputs(add, ask)


def _detector(estimator: Any) -> EstimatorOutputs:
    def add(graph: GraphBuilder, frame: Frame) -> _Outputs:
        return {LABEL: (detect(estimator, graph, frame), np.int64, None)}

    def ask(rows: Any, _numbers: Any = np.float32) -> dict[str, Array]:
        return {LABEL: np.asarray(estimator.predict(rows), np.int64)}

    return EstimatorOutputs(add, ask)


def _mixture(estimator: Any) -> EstimatorOutputs:
    """Outputs of a mixture of densities: the most likely one, and the probability of each."""

    def add(graph: GraphBuilder, frame: Frame) -> _Outputs:
        found = classify(estimator, graph, frame)
        return {
            LABEL: (found.index, np.int64, None),
            SCORES: (_scores(graph, found), np.float32, -1),
        }

    def ask(rows: Any, numbers: Any = np.float32) -> dict[str, Array]:
        shares = np.asarray(estimator.predict_proba(rows), numbers)
        return {LABEL: np.asarray(estimator.predict(rows), np.int64), SCORES: shares}

    return EstimatorOutputs(add, ask)


def _regressor(estimator: Any) -> EstimatorOutputs:
    def add(graph: GraphBuilder, frame: Frame) -> _Outputs:
        tensor = graph.cast(regress(estimator, graph, frame), np.float32)
        return {"prediction": (tensor, np.float32, -1)}

    def ask(rows: Any, numbers: Any = np.float32) -> dict[str, Array]:
        given = np.asarray(estimator.predict(rows), numbers)
        return {"prediction": given.reshape(len(given), -1)}

    return EstimatorOutputs(add, ask)


def _transformer(estimator: Any) -> EstimatorOutputs:
    def add(graph: GraphBuilder, frame: Frame) -> _Outputs:
        found = transform(estimator, graph, frame)
        if found.has_text():
            raise NoOnnxForm("is a transformer that returns texts, which is not supported")
        return {
            "transformed": (graph.cast(matrix(graph, found), np.float32), np.float32, found.width)
        }

    def ask(rows: Any, numbers: Any = np.float32) -> dict[str, Array]:
        return {"transformed": np.asarray(as_array(estimator.transform(rows)), numbers)}

    return EstimatorOutputs(add, ask)
