"""Bins, and the counts of what falls into them.

Numbers: a column with the edges `e0 < e1 < ... < ek` has the counts `[below, b1, ..., bk, above,
missing]`: `bi` holds `e(i-1) <= x < ei`. `e0` is the least value of the baseline and `ek` is just
above its largest, so `below` and `above` are out of its range.

Values: few different ones, as categories or labels; `[v1, ..., vk, other, missing]`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lading.functions.inference.tensors.conversion import Array

Value = int | str
MISSING_SLOTS: Final = 2
"""Slots of a column beyond its edges, or beyond its values."""


class NumberBins:
    """The counts of one view's columns.

    Args:
        edges: those of each column, ascending.
    """

    kind: Final = "numbers"

    def __init__(self, edges: Sequence[Sequence[float]]) -> None:
        self.edges = edges
        self._typed: dict[np.dtype[Any], list[Array]] = {}
        self._rows = 0
        self._missing = np.zeros(len(edges), np.int64)
        self._below = [np.zeros(len(each), np.int64) for each in edges]
        """Of each column, how many numbers are below each edge."""

    def count(self, numbers: Array) -> None:
        """Count floats, [rows, columns]; rows of another size are not counted.

        Edges are searched in sorted columns: numpy sorts a thousand numbers in the time in which it
        would search twenty of them.
        """
        rows, width = numbers.shape
        if width != len(self.edges):
            return
        columns = np.ascontiguousarray(numbers.T)
        columns.sort(axis=1)
        self._rows += rows
        if np.isnan(columns[:, -1:]).any():  # they come last
            self._missing += np.isnan(columns).sum(axis=1)
        for place, edges in enumerate(self._in_type_of(numbers.dtype)):
            self._below[place] += columns[place].searchsorted(edges)

    def _in_type_of(self, dtype: np.dtype[Any]) -> list[Array]:
        """Return the edges in the type of the numbers: no column must be converted."""
        found = self._typed.get(dtype)
        if found is None:
            found = self._typed[dtype] = [np.array(each, dtype) for each in self.edges]
        return found

    def take(self) -> list[list[int]]:
        """Return the counts of each column, and start again with zeros."""
        taken = []
        for below, missing in zip(self._below, self._missing.tolist(), strict=True):
            present = self._rows - missing
            between = np.diff(below, prepend=0, append=present).tolist()
            taken.append([*between, missing])
            below[:] = 0
        self._rows, self._missing[:] = 0, 0
        return taken


class ValueBins:
    """The counts of a tensor of one value for each row.

    Args:
        values: the values, texts or whole numbers.
    """

    kind: Final = "values"

    def __init__(self, values: Sequence[Value]) -> None:
        self._slots: dict[Any, int] = {
            each.encode() if isinstance(each, str) else each: slot
            for slot, each in enumerate(values)
        }
        self._counts = [0] * (len(values) + MISSING_SLOTS)

    def values(self) -> list[Value]:
        """Return the values."""
        return [each.decode() if isinstance(each, bytes) else each for each in self._slots]

    def count(self, array: Array) -> None:
        """Count BYTES or whole numbers, [rows] or [rows, 1]; an empty text is missing."""
        other = len(self._slots)
        for value, count in Counter(array.ravel().tolist()).items():
            slot = self._slots.get(value, other)
            self._counts[other + 1 if value == b"" and slot == other else slot] += count

    def take(self) -> list[list[int]]:
        """Return the counts, and start again with zeros."""
        taken, self._counts = self._counts, [0] * len(self._counts)
        return [taken]
