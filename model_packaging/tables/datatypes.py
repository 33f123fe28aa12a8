"""The datatypes of columns of rows, as a signature names them."""

from datetime import date
from typing import Final, Literal

import numpy as np

from lading.model_packaging.tables.table import Cells, Column, Unreadable

Datatype = Literal["FP32", "BYTES", "BOOL"]
Seen = Datatype | Literal[""]

NUMBER: Final = "FP32"
TEXT: Final = "BYTES"
TRUTH_VALUE: Final = "BOOL"
"""Open Inference Protocol names of the datatypes."""

_BOOLEANS = ({"True", "False"}, {"true", "false"}, {"TRUE", "FALSE"})


def seen_datatype(column: Column) -> Seen:
    """Return the datatype of a column of rows; empty if it does not tell."""
    if isinstance(column, Cells):
        return _of_cells(column)
    if isinstance(column, np.ndarray):
        of_kinds: dict[str, Seen] = {"b": TRUTH_VALUE, "U": TEXT, "S": TEXT, "O": TEXT}
        return of_kinds.get(column.dtype.kind, NUMBER)
    kinds = {type(value) for value in column} - {type(None)}
    if not kinds:
        return ""
    if kinds == {bool} and None not in column:
        return TRUTH_VALUE
    return NUMBER if kinds <= {int, float, bool} else _other(kinds)


def _of_cells(cells: Cells) -> Seen:
    stated = {text for text in cells.texts if text}
    if not stated:
        return ""
    if any(set(cells.texts) <= words for words in _BOOLEANS):
        return TRUTH_VALUE
    try:
        cells.numbers("")
    except Unreadable:
        return TEXT
    return NUMBER


def _other(kinds: set[type]) -> Seen:
    """Return the datatype of values that are not all numbers; empty for vectors."""
    return TEXT if all(issubclass(kind, str | date) for kind in kinds) else ""
