"""XGBoost's and LightGBM's estimators, read by the converters of these libraries."""

import sys
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from lading.functions.inference.native.boosted import INPUT
from lading.model_packaging.check.trees import LEAF, NoTreeForm
from lading.model_packaging.converters.boosting import lightgbm, xgboost
from lading.model_packaging.converters.boosting.conversion import Booster, identity, to_onnx
from lading.model_packaging.estimators.calls import (
    Classes,
    classify,
    classify_each,
    decide,
    regress,
)
from lading.model_packaging.estimators.frame import Frame, matrix
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm

_READERS = {
    "xgboost": (xgboost.read_estimator, "XGBModel"),
    "lightgbm": (lightgbm.read_estimator, "LGBMModel"),
}
"""Library -> what reads its estimators, and their base class."""

_KNOWN: WeakKeyDictionary[Any, Booster] = WeakKeyDictionary()
"""The models read from estimators: reading a large one takes seconds."""


def register() -> None:
    """Register the estimators of those libraries that loading the model's file has imported."""
    for library, (_, name) in _READERS.items():
        module = sys.modules.get(library)
        if module is not None:
            base = getattr(module, name)
            classify.register(base, _classify)
            classify_each.register(base, _classify_each)
            regress.register(base, _regress)
            decide.register(base, _decide)


def is_booster(estimator: Any) -> bool:
    """Return whether the estimator is one of these libraries'."""
    return type(estimator).__module__.partition(".")[0] in _READERS


def labels_of(estimator: Any) -> int:
    """Return the number of labels of a classifier of these libraries; 0 for other estimators."""
    if not is_booster(estimator) or not hasattr(estimator, "predict_proba"):
        return 0
    booster = _read(estimator)
    return booster.targets if booster.answers == "labels" else 0


def _classify(estimator: Any, graph: GraphBuilder, frame: Frame) -> Classes:
    booster = _read(estimator)
    if booster.answers not in ("two classes", "classes"):
        kind = type(estimator).__name__
        raise NoOnnxForm(f"has a {kind} that answers {booster.answers}; save it by save_model")
    label, likely = _embedded(booster, graph, frame)
    return Classes(label, likely if graph.dtype == np.float32 else graph.cast(likely))


def _classify_each(estimator: Any, graph: GraphBuilder, frame: Frame) -> list[Classes]:
    booster = _read(estimator)
    labels, likely = _embedded(booster, graph, frame)
    likely = likely if graph.dtype == np.float32 else graph.cast(likely)
    found = []
    for place in range(booster.targets):
        second = graph.take(likely, [place])
        first = graph.node("Sub", graph.number(1), second)
        index = graph.flat(graph.take(labels, [place]))
        found.append(Classes(index, graph.join([first, second])))
    return found


def _regress(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    (answer,) = _embedded(_read(estimator), graph, frame)
    return answer if graph.dtype == np.float32 else graph.cast(answer)


def _read(estimator: Any) -> Booster:
    read, _ = _READERS[type(estimator).__module__.partition(".")[0]]
    try:
        if estimator not in _KNOWN:
            _KNOWN[estimator] = read(estimator)
    except NoTreeForm as error:
        raise NoOnnxForm(f"has no ONNX form: {type(estimator).__name__}: {error}") from error
    return _KNOWN[estimator]


def _decide(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add the sums of the trees; only LightGBM's classifiers have this method."""
    sums = replace(_read(estimator), transform=identity, answers="numbers")
    (decision,) = _embedded(sums, graph, frame)
    return decision if graph.dtype == np.float32 else graph.cast(decision)


def _require_numbers(booster: Booster, frame: Frame) -> None:
    """Refuse categories given by their names, which only a frame with pandas' categories has."""
    columns = {origin.input for origin in frame.origins if origin is not None}
    if frame.has_text() or (booster.named and len(columns) > 1):
        raise NoOnnxForm(
            "was trained on categorical columns of a DataFrame; callers send category codes: "
            "leave inputs out of the manifest, and send rows as X"
        )


def _embedded(booster: Booster, graph: GraphBuilder, frame: Frame) -> list[str]:
    """Add the booster and return its outputs."""
    if booster.columns != frame.width:
        reason = f"has boosted trees for {booster.columns} columns, but passes {frame.width}"
        raise NoOnnxForm(reason)
    _require_numbers(booster, frame)
    for column, origin in enumerate(frame.origins):
        for tree in booster.trees:
            splits = (tree.column == column) & (tree.column != LEAF)
            graph.notes.thresholds(origin, np.unique(tree.threshold[splits]))
    if not np.isnan(booster.missing):
        graph.notes.typical(frame.origins, np.full((1, frame.width), booster.missing))
    if booster.trees and any(frame.origins):
        graph.notes.forests.append((frame.origins, list(booster.trees), booster.dtype))
    rows = matrix(graph, frame)
    if graph.dtype != booster.dtype:
        rows = graph.cast(rows, booster.dtype)
    if frame.sparse and booster.dtype == np.float32 and np.isnan(booster.missing):
        # XGBoost, unlike LightGBM, treats values that a sparse matrix omits as missing.
        zero, lone = (graph.constant(value, booster.dtype) for value in (0, np.nan))
        rows = graph.node("Where", graph.node("Equal", rows, zero), lone, rows)
    return graph.embed(to_onnx(booster), {INPUT: rows})
