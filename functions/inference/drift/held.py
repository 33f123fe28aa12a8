"""The arrays of a group of requests, until they are counted.

Small arrays of numbers are copied one behind the other, and their requests are let go of. To keep
thousands of small objects for a while costs more than to count them: the memory that a request has
just used is then not there for the next one. Large arrays, texts and files are kept as they are.
"""

from collections.abc import Mapping
from sys import getsizeof
from typing import Any, Final

import numpy as np

from lading.functions.inference.tensors.conversion import Array

MOST_COPIED: Final = 4096
"""Bytes of an array that is copied; of a larger one, the request costs more than what is kept."""

_TEXTS: Final = np.dtype(np.object_)
_TEXT_WEIGHT: Final = 16
"""A byte of a text counts so often: to read an image's file takes that much longer."""


class HeldRows:
    """The copied rows of a tensor, from arrays of one type and shape.

    Args:
        array: the first of them.
    """

    __slots__ = ("content", "dtype", "shape", "size")

    def __init__(self, array: Array) -> None:
        self.dtype: np.dtype[Any] = array.dtype
        self.shape, self.size = array.shape, array.nbytes
        self.content = bytearray()

    def array(self) -> Array:
        """Return all rows in one array."""
        return np.frombuffer(self.content, self.dtype).reshape(-1, *self.shape[1:])


class Held:
    """The inputs of the requests of a group, or their outputs."""

    def __init__(self) -> None:
        self._latest: dict[str, HeldRows] = {}
        self._copied: dict[tuple[str, np.dtype[Any], tuple[int, ...]], HeldRows] = {}
        self._kept: dict[str, list[Array]] = {}

    def add(self, arrays: Mapping[str, Array]) -> int:
        """Take the arrays of a request; return how many bytes of memory they need.

        Texts count with their weight.
        """
        size = 0
        for name, array in arrays.items():
            rows = self._latest.get(name)
            if rows is None or array.dtype is not rows.dtype or array.shape != rows.shape:
                rows = self._rows(name, array)
            if rows is None:
                self._kept.setdefault(name, []).append(array)
                size += _weight_of(array)
            else:
                rows.content += array.tobytes()
                size += rows.size
        return size

    def arrays(self, tensor: str) -> list[Array]:
        """Return what the requests had of a tensor; some may have had nothing."""
        copied = [rows.array() for (name, *_), rows in self._copied.items() if name == tensor]
        return [*copied, *self._kept.get(tensor, ())]

    def _rows(self, name: str, array: Array) -> HeldRows | None:
        """Return where an array is copied to; None for one that is kept."""
        if array.dtype is _TEXTS or not array.ndim or not 0 < array.nbytes <= MOST_COPIED:
            return None
        key = name, array.dtype, array.shape
        rows = self._copied.get(key)
        if rows is None:
            rows = self._copied[key] = HeldRows(array)
        self._latest[name] = rows
        return rows


def held_bytes(*sides: Mapping[str, Array]) -> int:
    """Return how many bytes stay in memory with these arrays."""
    return sum(_bytes_of(array) for arrays in sides for array in arrays.values())


def _weight_of(array: Array) -> int:
    if array.dtype is _TEXTS:
        return _TEXT_WEIGHT * sum(map(len, array.ravel().tolist()))
    return _bytes_of(array)


def _bytes_of(array: Array) -> int:
    if array.dtype is _TEXTS:
        return array.nbytes + sum(map(getsizeof, array.ravel().tolist()))
    base = array.base
    return array.nbytes if base is None else _kept_by(array, base)


def _kept_by(view: Array, base: object) -> int:
    """Return how many bytes a view keeps in memory: those of a request's body, for instance."""
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    if isinstance(base, np.ndarray | memoryview):
        return base.nbytes
    return len(base) if isinstance(base, bytes | bytearray) else view.nbytes
