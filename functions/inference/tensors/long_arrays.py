"""Long JSON bodies: their long arrays of numbers are read piece by piece.

simdjson needs memory of about four times the text that it reads, and nothing else of the process
runs while it does. So an array of many megabytes is cut at the commas between its items, and each
piece is read alone. What is left of the body is short, and is read as any other.

A body without a backslash has a simple rule: each quote begins or ends a text. So the text between
a closing and an opening quote holds no other text, and a bracket there is an array's.
"""

import re
from collections.abc import Iterator
from math import prod
from typing import Any, Final

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.simdjson_reader import Inexact, read, read_numbers

PIECE: Final = 1024 * 1024
"""About how many bytes are read at once; shorter arrays stay where they are."""

MOST_TEXTS: Final = 1000
"""More texts than this are no body of tensors: it would take long to look between them."""

DEEPEST: Final = 8
"""Levels of arrays: a batch of videos has five."""

_OPENING = re.compile(rb"(?:\[[ \t\n\r]*)+")
_SPACE = b" \t\n\r"


def read_in_pieces(body: bytes | bytearray, piece: int = PIECE) -> Any:
    """Read a JSON document as `simdjson_reader.read` does, with little memory beside the body.

    Args:
        body: the document.
        piece: about how many bytes are read at once.

    Raises:
        Inexact: the exact parser may read this body differently, or reject it.
    """
    if b"\\" in body:
        raise Inexact
    arrays: dict[str, Array] = {}
    parts, after = [], 0
    for start, end, depth in _long_arrays(body, piece):
        name = f"long array {len(arrays)}"
        arrays[name] = _LongArray(body, depth, piece).read(start, end)
        parts += [body[after:start], b'"%b"' % name.encode()]
        after = end
    if not arrays:
        return read(body)
    rest = b"".join([*parts, body[after:]])
    if rest.count(b'"long array ') != len(arrays):
        raise Inexact  # the caller has a text like these names
    document = _with_arrays(read(rest), arrays)
    if arrays:
        raise Inexact  # one stood where JSON has no array, for instance as a key
    return document


def _long_arrays(body: bytes | bytearray, piece: int) -> Iterator[tuple[int, int, int]]:
    """Yield where each long array of numbers starts and ends, and how many levels it has."""
    for start, end in _between_texts(body, piece):
        opening = _OPENING.search(body, start, end)
        if opening is None:
            continue
        depth = opening[0].count(b"[")
        if depth > DEEPEST:
            raise Inexact
        closing = _closing(depth).search(body, opening.end(), end)
        if closing is not None and closing.end() - opening.start() > piece:
            yield opening.start(), closing.end(), depth


def _between_texts(body: bytes | bytearray, piece: int) -> Iterator[tuple[int, int]]:
    """Yield the long stretches of a body that are outside its texts."""
    start = 0
    for _ in range(MOST_TEXTS):
        end = body.find(b'"', start)
        if end == -1:
            yield start, len(body)
            return
        if end - start > piece:
            yield start, end
        start = body.find(b'"', end + 1) + 1
        if not start:
            raise Inexact  # a text has no end
    raise Inexact


def _closing(levels: int) -> re.Pattern[bytes]:
    return re.compile(rb"\](?:[ \t\n\r]*\]){%d}" % (levels - 1))


def _boundary(levels: int) -> re.Pattern[bytes]:
    """Return what follows an item of so many levels: its closing brackets and a comma."""
    return re.compile(rb"(?:\][ \t\n\r]*){%d}," % levels)


def _with_arrays(value: Any, arrays: dict[str, Array]) -> Any:
    """Return a document with the arrays, each of which is taken out of `arrays`, in place."""
    if isinstance(value, str):
        return arrays.pop(value, value)
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    if isinstance(value, dict):
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    return value


class _LongArray:
    """One array of a body, whose numbers are written one after the other into one buffer.

    Args:
        body: the text.
        depth: how many levels of arrays there are.
        piece: about how many bytes are read at once.
    """

    def __init__(self, body: bytes | bytearray, depth: int, piece: int) -> None:
        self._body, self._depth, self._longest = body, depth, piece
        self._numbers: Array = np.empty(0)
        self._filled = 0

    def read(self, start: int, end: int) -> Array:
        """Return the array between two places of the body.

        Raises:
            Inexact: it is ragged, holds something else than numbers, or is not JSON.
        """
        count = self._body.count(b",", start, end) + 1  # of the numbers of a regular array
        self._numbers = np.empty(count, np.int64)
        shape = self._items(start, end, self._depth)
        if prod(shape) != count or self._filled != count:
            raise Inexact
        return self._numbers.reshape(shape)

    def _items(self, start: int, end: int, levels: int) -> tuple[int, ...]:
        """Read the array between two places; return its shape."""
        rows, below = 0, None
        for first, last in self._pieces(start + 1, end - 1, levels):
            if last - first > 2 * self._longest and levels > 1:
                shape = (1, *self._only_item(first, last, levels - 1))
            else:
                shape = self._piece(first, last, levels)
            if below not in (None, shape[1:]):
                raise Inexact
            rows, below = rows + shape[0], shape[1:]
        return (rows, *(below or ()))

    def _pieces(self, start: int, end: int, levels: int) -> Iterator[tuple[int, int]]:
        """Yield the places of groups of whole items, or of one item that is long itself."""
        boundary, far = _boundary(levels - 1), -1
        while start <= end:
            if (
                far < start + self._longest
            ):  # else the one found for the last piece is the next one still
                far = self._comma(boundary, start + self._longest, end)
            near = far - start <= 2 * self._longest
            comma = far if near else self._comma(boundary, start, end)
            yield start, comma
            start = comma + 1

    def _comma(self, boundary: re.Pattern[bytes], start: int, end: int) -> int:
        """Return where the comma behind an item is, at `start` or later; `end` if there is none."""
        found = boundary.search(self._body, min(start, end), end)
        return found.end() - 1 if found else end

    def _only_item(self, start: int, end: int, levels: int) -> tuple[int, ...]:
        while start < end and self._body[start] in _SPACE:
            start += 1
        while start < end and self._body[end - 1] in _SPACE:
            end -= 1
        if self._body[start : start + 1] != b"[" or self._body[end - 1 : end] != b"]":
            raise Inexact
        return self._items(start, end, levels)

    def _piece(self, start: int, end: int, levels: int) -> tuple[int, ...]:
        """Read whole items; return their shape, with their number first."""
        array = read_numbers(b"".join((b"[", self._body[start:end], b"]")), levels)
        filled = self._filled + array.size
        if filled > self._numbers.size:
            raise Inexact
        self._widen(array.dtype)
        self._numbers[self._filled : filled] = array.ravel()
        self._filled = filled
        return array.shape

    def _widen(self, dtype: np.dtype[Any]) -> None:
        """Make the buffer hold numbers of a type: integers among floats become floats."""
        if dtype == self._numbers.dtype:
            return
        if not self._filled:
            self._numbers = np.empty(self._numbers.size, dtype)
        elif self._numbers.dtype == np.float64:
            return
        elif dtype == np.float64:
            self._numbers = self._numbers.astype(dtype)
        else:
            raise Inexact  # signed beside unsigned integers
