"""Pipelines, column transformers, searches, and estimators that only select columns."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn import preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import RFE, SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import check_array

from lading.model_packaging.estimators.calls import (
    classify,
    classify_each,
    decide,
    detect,
    regress,
    transform,
)
from lading.model_packaging.estimators.frame import Frame, beside, computed, matrix, select
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm, TooNarrow
from lading.model_packaging.library_errors import LibraryFailed, library_errors

_PASS, _DROP = "passthrough", "drop"
_MOST_NAMED = 3


def _before_last(pipeline: Pipeline, graph: GraphBuilder, frame: Frame) -> Frame:
    for _, step in pipeline.steps[:-1]:
        if step is not None and step != _PASS:
            frame = transform(step, graph, frame)
    return frame


@transform.register
def _(estimator: Pipeline, graph: GraphBuilder, frame: Frame) -> Frame:
    last = estimator.steps[-1][1]
    frame = _before_last(estimator, graph, frame)
    return frame if last is None or last == _PASS else transform(last, graph, frame)


_Member = Callable[[Any, GraphBuilder, Frame], tuple[Any, Frame]]
"""Returns the inner estimator of another one, and the columns that it gets."""


def _pass_on(kind: type, member: _Member, *calls: Any) -> None:
    """Register calls that an estimator passes on to another one."""

    def passed_on(call: Any, estimator: Any, graph: GraphBuilder, frame: Frame) -> Any:
        inner, columns = member(estimator, graph, frame)
        return call(inner, graph, columns)

    for call in calls:
        call.register(kind, partial(passed_on, call))


_ANSWERS = (classify, classify_each, decide, regress, detect)
_pass_on(
    Pipeline, lambda e, graph, frame: (e.steps[-1][1], _before_last(e, graph, frame)), *_ANSWERS
)
_pass_on(BaseSearchCV, lambda e, _, frame: (e.best_estimator_, frame), transform, *_ANSWERS)
_pass_on(FrozenEstimator, lambda e, _, frame: (e.estimator, frame), transform, *_ANSWERS)
_pass_on(SelfTrainingClassifier, lambda e, _, frame: (e.estimator_, frame), classify)
_pass_on(RFE, lambda e, graph, frame: (e.estimator_, transform(e, graph, frame)), classify, regress)


@transform.register
def _(estimator: ColumnTransformer, graph: GraphBuilder, frame: Frame) -> Frame:
    parts = []
    for name, step, columns in estimator.transformers_:
        if isinstance(step, str) and step == _DROP:
            continue
        chosen = places(columns, frame)
        part = select(graph, frame, chosen)
        if not part.width:
            continue
        with _naming(chosen, frame):
            part = part if isinstance(step, str) else transform(step, graph, part)
        parts.append(_weighted(estimator, name, graph, part))
    if getattr(estimator, "sparse_output_", False) and any(part.has_text() for part in parts):
        raise NoOnnxForm("has a ColumnTransformer that returns texts, which is not supported")
    found = beside(parts, names_of(estimator, parts))
    return replace(found, sparse=bool(getattr(estimator, "sparse_output_", False)))


@contextmanager
def _naming(chosen: Sequence[int], frame: Frame) -> Iterator[None]:
    """Say of which columns it is that a step has no ONNX form."""
    try:
        yield
    except TooNarrow:
        raise
    except NoOnnxForm as error:
        names = [frame.names[place] if frame.names else str(place) for place in chosen]
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        listed = ", ".join(f"'{name}'" for name in names[:_MOST_NAMED])
        word = "column" if len(names) == 1 else "columns"
        raise NoOnnxForm(f"{error} ({word} {listed}{more})") from error


@transform.register
def _(estimator: FeatureUnion, graph: GraphBuilder, frame: Frame) -> Frame:
    parts = []
    for name, step in estimator.transformer_list:
        if isinstance(step, str) and step == _DROP:
            continue
        part = frame if isinstance(step, str) else transform(step, graph, frame)
        parts.append(_weighted(estimator, name, graph, part))
    return beside(parts, names_of(estimator, parts))


def _weighted(estimator: Any, name: str, graph: GraphBuilder, part: Frame) -> Frame:
    """Return the columns of a transformer, times its weight."""
    weight = (estimator.transformer_weights or {}).get(name)
    if weight is None or not part.width:
        return part
    scaled = graph.node("Mul", matrix(graph, part), graph.number(weight))
    return computed(scaled, graph.dtype, [None] * part.width)


def names_of(estimator: Any, parts: Sequence[Frame]) -> tuple[str, ...] | None:
    """Return the names of an estimator's columns, by which a later step may select some."""
    try:
        with library_errors():
            names = tuple(map(str, estimator.get_feature_names_out()))
    except LibraryFailed:  # some steps have no names
        return None
    return names if len(names) == sum(part.width for part in parts) else None


def places(columns: Any, frame: Frame) -> list[int]:
    """Return the positions of columns, given by names, numbers, a slice or booleans.

    Raises:
        NoOnnxForm: there is no such column.
    """
    if isinstance(columns, str | int | np.integer):
        columns = [columns]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = _place(columns.start, frame) if columns.start is not None else 0
            stop = _place(columns.stop, frame) + 1 if columns.stop is not None else frame.width
            return list(range(start, stop))[:: columns.step]
        return list(range(frame.width))[columns]
    marks = np.asarray(columns)
    if marks.dtype == np.bool_:
        return [int(place) for place in np.flatnonzero(marks)]
    return [_place(each, frame) for each in list(columns)]


def _place(column: Any, frame: Frame) -> int:
    if not isinstance(column, str):
        return int(column) % frame.width
    if frame.names is None or column not in frame.names:
        raise NoOnnxForm(f"selects the column '{column}', but gets columns without that name")
    return frame.names.index(column)


@transform.register
def _(estimator: SelectorMixin, graph: GraphBuilder, frame: Frame) -> Frame:
    return select(graph, frame, [int(each) for each in estimator.get_support(indices=True)])


def is_missing(value: Any) -> bool:
    """Return whether a value stands for a missing one: None, NaN or pandas' NA."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)  # noqa: PLR0124 NaN


def renamed(estimator: Any, frame: Frame) -> Frame:
    """Return the frame with the names that the estimator gives its columns."""
    return replace(frame, names=names_of(estimator, [frame]))


@transform.register
def _(estimator: preprocessing.FunctionTransformer, graph: GraphBuilder, frame: Frame) -> Frame:
    if estimator.func is None or _only_checks(estimator.func):
        return frame
    name = getattr(estimator.func, "__name__", "")
    operators = FUNCTIONS.get(estimator.func)
    if operators is None or estimator.kw_args:
        reason = f"has a FunctionTransformer of {name or 'a function'}, which has no ONNX form"
        raise NoOnnxForm(f"{reason}; compute it before the model, or under code: in models.yaml")
    graph.notes.typical(frame.origins, np.outer(_PLAUSIBLE, np.ones(frame.width)))
    return computed(operators(graph, matrix(graph, frame)), graph.dtype, [None] * frame.width)


_PLAUSIBLE = (0.5, 1.0, 2.0, 10.0, 100.0)
"""Numbers that every function below accepts."""


def _only_checks(function: Any) -> bool:
    """Return whether a function returns its argument, as in histogram-based boosting."""
    return isinstance(function, partial) and function.func is check_array


FUNCTIONS: dict[Any, Callable[[GraphBuilder, str], str]] = {
    np.log: lambda graph, x: graph.node("Log", x),
    np.log1p: lambda graph, x: graph.node("Log", graph.node("Add", x, graph.number(1))),
    np.log2: lambda graph, x: graph.node("Div", graph.node("Log", x), graph.number(np.log(2))),
    np.log10: lambda graph, x: graph.node("Div", graph.node("Log", x), graph.number(np.log(10))),
    np.exp: lambda graph, x: graph.node("Exp", x),
    np.expm1: lambda graph, x: graph.node("Sub", graph.node("Exp", x), graph.number(1)),
    np.sqrt: lambda graph, x: graph.node("Sqrt", x),
    np.square: lambda graph, x: graph.node("Mul", x, x),
    np.abs: lambda graph, x: graph.node("Abs", x),
    np.negative: lambda graph, x: graph.node("Neg", x),
    np.reciprocal: lambda graph, x: graph.node("Reciprocal", x),
    np.sin: lambda graph, x: graph.node("Sin", x),
    np.cos: lambda graph, x: graph.node("Cos", x),
    np.tan: lambda graph, x: graph.node("Tan", x),
    np.tanh: lambda graph, x: graph.node("Tanh", x),
    np.floor: lambda graph, x: graph.node("Floor", x),
    np.ceil: lambda graph, x: graph.node("Ceil", x),
    np.sign: lambda graph, x: graph.node("Sign", x),
}
