"""The values that an input may hold, where its datatype allows more than the model supports.

`artifact.json` states them: `"domains": {"<input>": {"missing": false, "infinite": false,
"values": {"-1": ["Graz", "Wien"]}}}`. The original raises an error for other values; a graph cannot
raise errors, and would return a wrong answer.
"""

from collections.abc import Mapping
from math import inf, isfinite
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lading.functions.contract.errors import InvalidInput, brief
from lading.functions.inference.tensors.usual_rows import all_finite

Array = NDArray[Any]

EVERY = -1
"""Key for every element of an input, in place of a column of its last axis."""

_MOST_LISTED = 8


class Domain(NamedTuple):
    """The values that an input may hold.

    Args:
        missing: whether NaN, or the empty text, is allowed as a missing value: in all columns of
            the last axis (True), in none (False), or in these.
        infinite: whether infinities are allowed.
        values: column of the last axis (or `EVERY`) -> the only values that it may hold.
        empty: whether arrays without elements are allowed; some of them crash the whole process in
            onnxruntime's LSTM and GRU.
        negative: whether whole numbers below zero are allowed; a graph would take them for indices
            from the end.
        bounds: column of the last axis (or `EVERY`) -> the lowest and the highest number that it
            may hold.
    """

    missing: bool | frozenset[int] = True
    infinite: bool = True
    values: Mapping[int, frozenset[Any]] = MappingProxyType({})
    empty: bool = True
    negative: bool = True
    bounds: Mapping[int, tuple[float, float]] = MappingProxyType({})

    def check(self, array: Array, name: str) -> None:
        """Check the values of an input.

        Raises:
            InvalidInput: a value is outside the domain; the text names it and its column.
        """
        if not (self.empty or array.size):
            reason = (
                f"has shape {list(array.shape)}; the model does not accept arrays without elements"
            )
            raise InvalidInput(name, reason)
        if not self.negative and array.dtype.kind == "i" and array.min(initial=0) < 0:
            raise InvalidInput(
                name, f"holds {array.min()}; the model does not accept negative numbers"
            )
        if array.dtype.kind == "f":
            self._check_floats(array, name)
        elif self.missing is not True and array.dtype.kind == "O":
            self._check_missing(array == b"", name)
        for column, known in self.values.items():
            self._check_values(array, name, column, known)
        for column, (low, high) in self.bounds.items():
            _check_bounds(array, name, column, low, high)

    def _check_floats(self, array: Array, name: str) -> None:
        if (self.missing is True and self.infinite) or all_finite(array):
            return
        if not self.infinite and np.isinf(array).any():
            where = _column_of(np.isinf(array))
            raise InvalidInput(name, f"holds infinity{where}, which the model does not accept")
        if self.missing is not True:
            self._check_missing(np.isnan(array), name)

    def _check_missing(self, missing: Array, name: str) -> None:
        if isinstance(self.missing, frozenset) and missing.ndim:
            missing = missing.copy()
            missing[..., sorted(self.missing)] = False
        if missing.any():
            reason = f"lacks a value{_column_of(missing)}; the model does not accept missing values"
            raise InvalidInput(name, reason)

    def _check_values(self, array: Array, name: str, column: int, known: frozenset[Any]) -> None:
        found = array if column == EVERY else array[..., column]
        for value in set(found.ravel().tolist()) - known:
            if _is_missing(value) and self._may_miss(column):
                continue
            where = "" if column == EVERY else f" in column {column}"
            reason = f"holds {_quoted(value)}{where}, which the model was not trained on"
            raise InvalidInput(name, f"{reason}; it knows {_listed(known)}")

    def _may_miss(self, column: int) -> bool:
        return self.missing if isinstance(self.missing, bool) else column in self.missing

    def to_json(self) -> dict[str, Any]:
        """Return the form in `artifact.json`."""
        missing = self.missing if isinstance(self.missing, bool) else sorted(self.missing)
        values = {str(key): sorted(map(_stated, known)) for key, known in self.values.items()}
        stated = {"missing": missing, "infinite": self.infinite, "values": values}
        allowed = {"empty": self.empty, "negative": self.negative}
        bounds = {str(key): list(map(_finite, ends)) for key, ends in self.bounds.items()}
        stated |= {"bounds": bounds} if bounds else {}
        return {**stated, **{key: False for key, value in allowed.items() if not value}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], datatype: str) -> "Domain":
        """Read what `to_json` returned for an input of this datatype."""
        missing, text = document["missing"], datatype == "BYTES"
        return cls(
            missing if isinstance(missing, bool) else frozenset(map(int, missing)),
            bool(document["infinite"]),
            {
                int(key): frozenset(each.encode() if text else each for each in known)
                for key, known in document["values"].items()
            },
            empty=bool(document.get("empty", True)),
            negative=bool(document.get("negative", True)),
            bounds={
                int(key): (
                    -inf if low is None else float(low),
                    inf if high is None else float(high),
                )
                for key, (low, high) in document.get("bounds", {}).items()
            },
        )


def _check_bounds(array: Array, name: str, column: int, low: float, high: float) -> None:
    found = array if column == EVERY else array[..., column]
    ends = np.float64(low), np.float64(high)  # compared unrounded, also with float32
    with np.errstate(invalid="ignore"):  # `missing` states whether NaN is allowed
        outside = found[(found < ends[0]) | (found > ends[1])]
    if outside.size:
        where = "" if column == EVERY else f" in column {column}"
        reason = (
            f"holds {outside.flat[0]!s}{where}; the model accepts numbers from {low!s} to {high!s}"
        )
        raise InvalidInput(name, reason)


def _finite(end: float) -> float | None:
    """Return a bound in JSON, which has no infinity."""
    return end if isfinite(end) else None


def _is_missing(value: Any) -> bool:
    return bool(value == b"" or value != value)  # noqa: PLR0124 only NaN differs from itself


def _column_of(wrong: Array) -> str:
    """Return the column of the first wrong element, if there are several columns."""
    if wrong.ndim <= 1 or wrong.shape[-1] == 1:
        return ""
    return f" in column {int(np.argwhere(wrong)[0][-1])}"


def _stated(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _quoted(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
        return f"'{brief(value)}'"
    return str(value)


def _listed(known: frozenset[Any]) -> str:
    """Return the known values; of many only the first."""
    ordered = sorted(known)
    listed = ", ".join(map(_quoted, ordered[:_MOST_LISTED]))
    more = len(ordered) - _MOST_LISTED
    return f"{listed} and {more} more" if more > 0 else listed
