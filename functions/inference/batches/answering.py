"""Answers many rows by one model: in groups, and a row that fails does not fail its group.

A group that fails is halved until the row is alone, so that n rows with k bad ones take about
k * log2(n) runs more. Rows share a run only where the model's artifact says that its answers do not
depend on the other rows (`batching.py`), as in a server; else each has a run of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lading.functions.contract.errors import (
    InferenceError,
    ModelUnavailable,
    Unsupported,
    UnsupportedMediaType,
)
from lading.functions.inference.batches.rows import Rows, require_rows
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array

MOST_ROWS = 256
"""The most rows in a run, by default."""
_MOST_TEXTS, _MOST_BYTES = 32, 1 << 20

_OF_ALL_ROWS = (ModelUnavailable, Unsupported, UnsupportedMediaType)
"""Errors that no row is to blame for."""

Column = Array | list[Array]
"""Answers of all rows in one array, or an array for each row where their shapes differ."""


class Failure(NamedTuple):
    """Why a row has no answer.

    Args:
        place: the row's place among the rows.
        error: the kind of error.
        reason: its text, which is safe to show.
    """

    place: int
    error: str
    reason: str


class RowAnswers(NamedTuple):
    """The answers of some rows.

    Args:
        places: the places of the rows that have an answer, ascending.
        outputs: their answers, in that order, by output; empty if none has one.
        failures: the other rows, ascending.
    """

    places: list[int]
    outputs: Mapping[str, Column]
    failures: list[Failure]


class _Run(NamedTuple):
    places: Sequence[int]
    outputs: Mapping[str, Array]


def answer(predictor: Predictor, rows: Rows, group: int) -> RowAnswers:
    """Answer every row.

    Args:
        predictor: the model.
        rows: the rows.
        group: the most rows in one run; see `group_size`.

    Raises:
        InferenceError: the model can answer no row of this kind, or is not available.
    """
    found = [
        run
        for places in _groups(predictor.metadata, rows, group)
        for run in _run(predictor, rows, places)
    ]
    runs = [each for each in found if isinstance(each, _Run)]
    failures = [each for each in found if isinstance(each, Failure)]
    places = sorted(place for run in runs for place in run.places)
    names = tuple(runs[0].outputs) if runs else ()
    outputs = {name: _joined(name, runs, len(rows), places) for name in names}
    return RowAnswers(places, outputs, sorted(failures))


def group_size(predictor: Predictor, wanted: int | None = None) -> int:
    """Return how many rows share one run of the model.

    Args:
        predictor: the model.
        wanted: what the caller wants; None: as many as are fast, if answers do not depend on the
            other rows; else 1.

    Raises:
        Unsupported: the model does not answer row by row.
    """
    metadata = predictor.metadata
    sizes = {spec.shape[:1] for spec in metadata.inputs}
    if sizes == {(1,)}:
        return 1
    if sizes != {(-1,)} or any(spec.shape[:1] != (-1,) for spec in metadata.outputs):
        raise Unsupported(
            f"model '{metadata.name}' does not answer row by row: the first axis of each input and "
            "output must be free, or 1"
        )
    if wanted is not None:
        return wanted
    return 1 if predictor.batching is None else _fast_group(metadata)


def _fast_group(metadata: ModelMetadata) -> int:
    """Return a group whose numbers fit a processor's cache; texts are padded to the longest."""
    if any(spec.datatype == BYTES for spec in metadata.inputs):
        return _MOST_TEXTS
    row = sum(
        DTYPES[spec.datatype].itemsize * int(np.prod([max(size, 1) for size in spec.shape]))
        for spec in metadata.inputs
    )
    return max(1, min(MOST_ROWS, _MOST_BYTES // max(row, 1)))


def _groups(metadata: ModelMetadata, rows: Rows, group: int) -> Iterator[Sequence[int]]:
    """Yield places of rows that share a run; texts of about the same length, for short padding."""
    places: Sequence[int] = range(len(rows))
    if group > 1 and any(spec.datatype == BYTES for spec in metadata.inputs):
        places = sorted(places, key=rows.sizes().__getitem__)
    for start in range(0, len(places), group):
        yield places[start : start + group]


def _run(predictor: Predictor, rows: Rows, places: Sequence[int]) -> Iterator[_Run | Failure]:
    try:
        yield _Run(places, _predict(predictor, rows.taken(places), len(places)))
    except _OF_ALL_ROWS:
        raise
    except InferenceError as error:
        if len(places) == 1:
            yield Failure(places[0], type(error).__name__, str(error))
            return
        middle = len(places) // 2
        yield from _run(predictor, rows, places[:middle])
        yield from _run(predictor, rows, places[middle:])


def _predict(predictor: Predictor, rows: Rows, count: int) -> Mapping[str, Array]:
    inputs = rows.inputs(predictor.metadata)
    require_rows(inputs, count)
    outputs = predictor.predict(inputs)
    for name, array in outputs.items():
        if array.shape[:1] != (count,):
            model = predictor.metadata.name
            raise Unsupported(
                f"model '{model}' answered {count} rows with output '{name}' of shape "
                f"{list(array.shape)}: it does not answer row by row"
            )
    return outputs


def _joined(name: str, runs: Sequence[_Run], count: int, places: Sequence[int]) -> Column:
    """Return an output of all runs, in the order of the rows."""
    arrays = [run.outputs[name] for run in runs]
    if len({array.shape[1:] for array in arrays}) > 1:
        by_place = {
            place: row
            for run, array in zip(runs, arrays, strict=True)
            for place, row in zip(run.places, array, strict=True)
        }
        return [by_place[place] for place in places]
    whole = np.empty((count, *arrays[0].shape[1:]), arrays[0].dtype)
    for run, array in zip(runs, arrays, strict=True):
        whole[list(run.places)] = array
    return whole if len(places) == count else whole[list(places)]
