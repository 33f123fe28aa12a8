"""The inputs of an estimator: for callers, for the graph, and for the estimator itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.model_packaging.errors import ConversionError, ManifestError, likely
from lading.model_packaging.estimators.columns import column_of_dates, datatypes_of, is_plain
from lading.model_packaging.estimators.frame import TEXT, Block, Frame
from lading.model_packaging.estimators.graph import GraphBuilder
from lading.model_packaging.estimators.notes import Notes, Origin
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH, InputShape
from lading.model_packaging.tables.registry import read_table
from lading.model_packaging.tables.table import Table, Unreadable

TABLE, TEXTS = "X", "text"
"""Names of the only input, if the manifest gives none."""

_DATATYPES = ("FP32", "FP64", "INT64", "INT32", "BOOL", "BYTES")
_TABLE_RANK = 2


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs by name, in the order of the manifest.

    Args:
        shapes: their shapes for callers.
        columns: the training columns in their order: the input of each, and its place in it.
        names: the names of the training columns, if they have names.
        texts_alone: whether the estimator needs a list of texts instead of a table.
    """

    shapes: Mapping[str, InputShape]
    columns: tuple[tuple[str, int], ...]
    names: tuple[str, ...] | None
    texts_alone: bool = False

    def specs(self, wide: frozenset[str] = frozenset()) -> tuple[TensorSpec, ...]:
        """Return the signature; the inputs in `wide` are FP64 instead of FP32."""
        return tuple(
            TensorSpec(
                name,
                "FP64" if name in wide else each.datatype,
                tuple(-1 if isinstance(size, str) else size for size in each.shape),
            )
            for name, each in self.shapes.items()
        )

    def frame(self, graph: GraphBuilder, wide: frozenset[str] = frozenset()) -> Frame:
        """Return the training columns, as tensors of the graph."""
        runs: list[tuple[str, list[int]]] = []
        for name, place in self.columns:
            if runs and runs[-1][0] == name:
                runs[-1][1].append(place)
            else:
                runs.append((name, [place]))
        dtypes = {spec.name: DTYPES[spec.datatype] for spec in self.specs(wide)}
        blocks = tuple(self._block(graph, name, places, dtypes[name]) for name, places in runs)
        return Frame(blocks, self.names)

    def _block(self, graph: GraphBuilder, name: str, places: list[int], dtype: Any) -> Block:
        shape = self.shapes[name].shape
        tensor = name if len(shape) == _TABLE_RANK else graph.upright(name)
        origins = tuple(Origin(name, place) for place in places)
        return Block(tensor, np.dtype(dtype), origins)

    def rows(self, inputs: Mapping[str, Array], notes: Notes, *, framed: bool) -> Any:
        """Return the estimator's rows: a frame with the names of training, an array, or texts."""
        if self.texts_alone:
            return [each.decode() for each in next(iter(inputs.values())).ravel()]
        columns = [
            _column(inputs[name], place, notes.of(name, place).missing)
            for name, place in self.columns
        ]
        if framed:
            import pandas as pd

            series = [pd.Series(column, dtype=column.dtype) for column in columns]
            return pd.concat(series, axis=1, keys=self.names)
        if any(column.dtype == TEXT for column in columns):
            return np.stack([column.astype(np.object_) for column in columns], axis=1)
        return np.stack(columns, axis=1)


def _column(array: Array, place: int, missing: Any) -> Array:
    column = array if array.ndim == 1 else array[:, place]
    if column.dtype != TEXT:
        return column
    texts = np.empty(len(column), np.object_)
    texts[:] = [each.decode() if each else missing for each in column]
    return texts


def inputs_of(spec: ModelSpec, estimator: Any, features: int | None) -> Inputs:
    """Return the inputs that the manifest describes, or those of the training columns.

    Args:
        spec: the model, from the manifest.
        estimator: the fitted estimator.
        features: how many columns it was fitted on; None for a list of texts.

    Raises:
        ManifestError: they do not fit what the estimator was fitted on.
        ConversionError: it was fitted on dates of numpy, which no input has.
    """
    if (dates := column_of_dates(estimator)) is not None:
        reason = f"has learned the dates of column '{dates}', but callers send dates as texts"
        raise ConversionError(spec.name, f"{reason}; fit it on .astype(str) of them, or on numbers")
    stated = spec.inputs
    if features is None:
        return _texts(spec, stated)
    names = getattr(estimator, "feature_names_in_", None)
    known = tuple(map(str, names)) if names is not None else None
    for name, each in stated.items():
        if each.datatype not in _DATATYPES or len(each.shape) not in (1, _TABLE_RANK):
            raise _not_a_column(spec, name)
    if not stated:
        stated = _inferred(spec, estimator, known) or {TABLE: InputShape((BATCH, features))}
    if len(stated) == 1:
        name, only = next(iter(stated.items()))
        if features == 1 or len(only.shape) == _TABLE_RANK:
            return _table(spec, name, only, features, known)
    return _columns(spec, stated, features, known)


def _inferred(
    spec: ModelSpec, estimator: Any, names: tuple[str, ...] | None
) -> dict[str, InputShape]:
    """Return an input for each named column, if some are not numbers."""
    datatypes = datatypes_of(estimator, names or (), rows_of(spec))
    if is_plain(datatypes):
        return {}
    return {name: InputShape((BATCH,), each) for name, each in datatypes.items()}


def rows_of(spec: ModelSpec) -> Table:
    """Return the held-out rows of the manifest; none if they cannot be read, which `check` says."""
    return read_rows_or_none(spec.accuracy.data) if spec.accuracy else {}


def read_rows_or_none(path: Path) -> Table:
    """Return the columns of a file of rows; none if it cannot be read."""
    try:
        return read_table(path)
    except Unreadable:
        return {}


def _texts(spec: ModelSpec, stated: Mapping[str, InputShape]) -> Inputs:
    shapes = dict(stated) or {TEXTS: InputShape((BATCH,), "BYTES")}
    name, only = next(iter(shapes.items()))
    if len(shapes) > 1 or only.datatype != "BYTES" or only.shape[1:] not in ((), (1,)):
        reason = "must be one input of BYTES and of shape [batch]: the model needs a list of texts"
        raise ManifestError(spec.place("inputs"), reason)
    return Inputs(shapes, ((name, 0),), None, texts_alone=True)


def _table(
    spec: ModelSpec, name: str, only: InputShape, features: int, known: tuple[str, ...] | None
) -> Inputs:
    width = only.shape[1] if len(only.shape) == _TABLE_RANK else 1
    if width != features and not isinstance(width, str):
        if width == 1:
            raise ManifestError(spec.place("inputs"), _count(1, features))
        reason = f"has '{name}' of {width} columns, but the estimator was fitted on {features}"
        raise ManifestError(spec.place("inputs"), reason)
    shape = only.shape if len(only.shape) == 1 else (only.shape[0], features)
    fixed = {name: InputShape(shape, only.datatype)}
    return Inputs(fixed, tuple((name, place) for place in range(features)), known)


def _columns(
    spec: ModelSpec, stated: Mapping[str, InputShape], features: int, known: tuple[str, ...] | None
) -> Inputs:
    for name, each in stated.items():
        if each.shape[1:] not in ((), (1,)):
            raise _not_a_column(spec, name)
    if len(stated) != features:
        raise ManifestError(spec.place("inputs"), _count(len(stated), features))
    if known is None:  # without names, the manifest's order is that of training
        return Inputs(stated, tuple((name, 0) for name in stated), None)
    for name in stated:
        if name not in known:
            reason = f"has a column '{name}', but the estimator was fitted on {', '.join(known)}"
            raise ManifestError(spec.place("inputs"), reason, likely(name, known))
    return Inputs(stated, tuple((name, 0) for name in known), known)


def _not_a_column(spec: ModelSpec, name: str) -> ManifestError:
    datatypes = ", ".join(_DATATYPES)
    reason = f"'{name}' must be a column: {datatypes} of shape [batch] or [batch, 1]"
    return ManifestError(spec.place("inputs"), reason)


def _count(found: int, features: int) -> str:
    return f"are {found} columns, but the estimator was fitted on {features}"
