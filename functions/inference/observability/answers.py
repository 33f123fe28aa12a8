"""What a log line says of an answer, so that versions can be compared: a class and a score.

Nothing of the input, and of the answer no more than its first row: rows of one request are alike,
and a test would take them for independent evidence. Texts are written as a checksum, numbers on a
grid. Of an endpoint that may be updated it also says which fleet has answered. Imported only where
a judge compares versions.
"""

from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

import numpy as np

from lading.functions.contract.steps import step_of
from lading.functions.inference.endpoint.fleet import FleetAnswer
from lading.functions.inference.tensors.conversion import Array

MOST_SCORES: Final = 1000
"""A row with more numbers is not a score for each class; its mean is the score then."""
_LARGEST_CLASS: Final = 1_000_000


def noted(outputs: Mapping[str, Array]) -> dict[str, Any]:
    """Return `class` and `score` of the first row and the `fleet`, as far as outputs have them.

    The class is that of the first output of whole numbers, truth values or texts, else the place of
    the largest score. The score is the largest number of the first output of numbers.
    """
    note: dict[str, Any] = {}
    for array in outputs.values():
        row = _first_row(array)
        if row.size == 0:
            continue
        if row.dtype.kind == "f":
            _note_scores(row, note)
        elif row.size == 1:
            note.setdefault("class", _class_of(row.flat[0]))
    if isinstance(outputs, FleetAnswer):
        note["fleet"] = outputs.fleet
    return note


def _first_row(array: Array) -> Array:
    return array[:1].ravel() if array.ndim else array.ravel()


def _note_scores(row: Array, note: dict[str, Any]) -> None:
    if "score" in note:
        return
    score = float(row.mean(dtype=np.float64) if row.size > MOST_SCORES else row.max())
    if not np.isfinite(score):
        note.setdefault("class", "not finite")
        return
    note["score"] = step_of(score)
    if 1 < row.size <= MOST_SCORES:
        note.setdefault("class", str(int(row.argmax())))


def _class_of(value: Any) -> str:
    if isinstance(value, str | bytes):
        content = value.encode() if isinstance(value, str) else value
        return f"text-{crc32(content):08x}"
    number = int(value)
    return str(number) if abs(number) <= _LARGEST_CLASS else "large"
