"""Encoders of categories, as lookups in a table of the encoder's own answers.

The encoder itself is called for each category, so that dropped, rare, missing and unknown
categories are right whatever its options are.
"""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import preprocessing

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.calls import transform
from lading.model_packaging.estimators.composition import is_missing, names_of
from lading.model_packaging.estimators.frame import TEXT, Block, Frame, beside, computed, named
from lading.model_packaging.estimators.graph import (
    ML,
    GraphBuilder,
    NoOnnxForm,
    TooNarrow,
    as_array,
)

_NOVEL = "a text that no category has"


@transform.register
def _(estimator: preprocessing.OneHotEncoder, graph: GraphBuilder, frame: Frame) -> Frame:
    found = _encoded(estimator, graph, frame, list(estimator._n_features_outs))
    return replace(found, sparse=estimator.sparse_output)


@transform.register
def _(estimator: preprocessing.OrdinalEncoder, graph: GraphBuilder, frame: Frame) -> Frame:
    return _encoded(estimator, graph, frame, [1] * frame.width)


@transform.register
def _(estimator: preprocessing.TargetEncoder, graph: GraphBuilder, frame: Frame) -> Frame:
    several = len(estimator.classes_) if estimator.target_type_ == "multiclass" else 1
    return _encoded(estimator, graph, frame, [several] * frame.width)


def _encoded(estimator: Any, graph: GraphBuilder, frame: Frame, widths: list[int]) -> Frame:
    columns = _columns(frame)
    if len(columns) != len(estimator.categories_):
        kind, count = type(estimator).__name__, len(estimator.categories_)
        raise NoOnnxForm(f"has a {kind} for {count} columns, but passes {len(columns)}")
    ends = np.cumsum(widths)
    parts = []
    for place, (name, (block, inner)) in enumerate(zip(named(frame), columns, strict=True)):
        span = slice(ends[place] - widths[place], ends[place])
        if widths[place]:
            tensor = _Table(estimator, place, span, name).add_to(graph, block, inner)
            parts.append(computed(tensor, graph.dtype, [None] * widths[place]))
    return beside(parts, names_of(estimator, parts))


def _columns(frame: Frame) -> list[tuple[Block, int]]:
    return [(block, inner) for block in frame.blocks for inner in range(block.width)]


class _Table:
    """The outputs of an encoder for each value of one column; they lie in `span`."""

    def __init__(self, estimator: Any, place: int, span: slice, name: str) -> None:
        self._estimator, self._place, self._span = estimator, place, span
        self._name = name
        found = estimator.categories_[place].tolist()
        self._known = [value for value in found if not is_missing(value)]
        self._missing = [value for value in found if is_missing(value)]

    def add_to(self, graph: GraphBuilder, block: Block, inner: int) -> str:
        """Add the lookup, of shape [rows, outputs]."""
        origin = block.origins[inner]
        texts = block.dtype == TEXT
        if any(isinstance(value, str) != texts for value in self._known):
            needed, given = ("numbers", "texts") if texts else ("texts", "numbers")
            want = "FP32" if texts else "BYTES"
            reason = f"needs {needed} in {self._name}, but gets {given}; under inputs: give that "
            raise NoOnnxForm(f"{reason}column the datatype {want}")
        value = block.tensor if block.width == 1 else graph.take(block.tensor, [inner])
        fill = origin.fill if origin else None
        if "" in self._known and (self._missing if fill is None else fill != ""):
            reason = "has the empty text and a missing category, which callers send alike"
            raise NoOnnxForm(f"{reason}, in {self._name}; train it with only one of them")
        graph.notes.categories(origin, self._known)
        if origin and texts and fill is None and "" not in self._known:
            graph.notes.of(origin.input, origin.column).missing = self._absent(fill)
        absent = "" if texts and "" in self._known else self._absent(fill)
        rows = self._rows(absent, _NOVEL if texts else self._novel())
        place = (
            _text_place(graph, value, self._known)
            if texts
            else _place(graph, block, value, self._known)
        )
        return graph.choose(rows.astype(graph.dtype), place)

    def _absent(self, fill: Any) -> Any:
        if fill is not None:
            return fill
        return self._missing[0] if self._missing else np.nan

    def _novel(self) -> float:
        return float(max(map(abs, self._known), default=0)) * 2 + 1.5

    def _rows(self, absent: Any, novel: Any) -> Array:
        """Return the outputs for each category, for missing and for unknown values."""
        rows = [self._answer(value) for value in (*self._known, absent, novel)]
        width = self._span.stop - self._span.start
        return np.stack([np.zeros(width) if row is None else row for row in rows])

    def _answer(self, value: Any) -> Array | None:
        """Return the encoder's outputs for the value; None where it raises an error."""
        row = [categories[0] for categories in self._estimator.categories_]
        row[self._place] = value
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an unknown category, or rows without names
                given = self._estimator.transform(np.array([row], np.object_))
        except ValueError:
            return None
        return as_array(given)[0, self._span].astype(np.float64)


def _text_place(graph: GraphBuilder, texts: str, known: list[str]) -> str:
    """Add the place of each text in `known`; the empty text comes next, then all others."""
    keys = [*known, *([] if "" in known else [""])]
    return graph.node(
        "LabelEncoder",
        graph.flat(texts),
        domain=ML,
        keys_strings=keys,
        values_int64s=list(range(len(keys))),
        default_int64=len(known) + 1,
    )


def _place(graph: GraphBuilder, block: Block, numbers: str, known: list[Any]) -> str:
    """Do the same for numbers, where NaN is missing."""
    dtype = block.dtype if block.dtype != np.bool_ else np.dtype(np.int64)
    if block.dtype == np.bool_:
        numbers = graph.cast(numbers, dtype)
    matches = [graph.node("Equal", numbers, graph.constant([known], dtype))] if known else []
    if dtype.kind == "f":
        if len({dtype.type(value) for value in known}) < len(known):
            raise TooNarrow("has categories that are equal in FP32")
        matches.append(graph.node("IsNaN", numbers))
    found = graph.cast(graph.join(matches), np.float32)
    any_found = graph.node(
        "Greater",
        graph.node("ReduceMax", found, axes=[1], keepdims=0),
        graph.constant(0, np.float32),
    )
    return graph.node("Where", any_found, graph.best(found), graph.constant(len(known) + 1))
