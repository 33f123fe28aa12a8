"""Large JSON bodies read by simdjson, where the result can be verified.

`Array.as_buffer` copies all numbers below an array into one buffer, without their nesting. The
nesting is verified separately: all arrays of a level must have one length, and the body must have
exactly as many opening brackets as the result accounts for. The second check finds an array in the
place of a number without looking at each number.
"""

from collections.abc import Iterable
from itertools import chain
from math import prod
from threading import local
from typing import Any, Final

import csimdjson
import numpy as np

from lading.functions.inference.tensors.conversion import Array

FEWEST_NUMBERS = 64
"""Smaller arrays become lists: they are often a shape or a list of ids, not a tensor."""

MOST_KEYS = 64
"""simdjson reads all keys before the one that it looks up, and finds the first duplicate."""

MOST_KEPT: Final = 8 * 1024 * 1024
"""Bytes of a body up to which the memory of its parser is kept for the next one, in each thread.

A parser writes four times the body's size, and fresh pages cost more than what is written there.
"""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLOCK = 64 * 1024
"""Bytes whose brackets are counted at once: they stay in the processor's cache."""

_kept = local()


class Inexact(Exception):
    """The body needs the exact parser."""


def read(body: bytes | bytearray) -> Any:
    """Read a JSON document; regular arrays of at least `FEWEST_NUMBERS` numbers become numpy's.

    They are int64, uint64 or finite float64. Integers among floats are floats there, as they
    would become in any tensor of floats.

    Raises:
        Inexact: the exact parser may read this body differently, or reject it.
    """
    if b"\\" in body or body.startswith(_BYTE_ORDER_MARK):
        raise Inexact  # an escaped bracket would change the count; json rejects the mark
    return _verified(body, FEWEST_NUMBERS)


def read_numbers(body: bytes, depth: int) -> Array:
    """Read one regular array of numbers that has `depth` levels, however few numbers there are.

    Raises:
        Inexact: it is something else, or the exact parser may read it differently.
    """
    array = _verified(body, fewest=1)
    if not isinstance(array, np.ndarray) or array.ndim != depth:
        raise Inexact
    return array


def _verified(body: bytes | bytearray, fewest: int) -> Any:
    """Return the document, if its arrays and texts account for all brackets of the body.

    A parser is kept only after a body that it read: an error may still refer to parts of its last
    document, and then it reads no other one.
    """
    parser = _kept.__dict__.pop("parser", None) or csimdjson.Parser()
    reader = _DocumentReader(fewest)
    try:
        document = reader.convert(parser.parse(body))
    except (ValueError, RuntimeError, RecursionError, TypeError) as error:
        raise Inexact from error
    if len(body) <= MOST_KEPT:
        _kept.parser = parser
    if reader.brackets != _count_brackets(body):
        raise Inexact
    return document


def _count_brackets(body: bytes | bytearray) -> int:
    content, count = np.frombuffer(body, np.uint8), 0
    for start in range(0, content.size, _BLOCK):
        count += int(np.count_nonzero(content[start : start + _BLOCK] == ord("[")))
    return count


class _DocumentReader:
    """A converter of simdjson's values, which counts the brackets of the result.

    Args:
        fewest: smaller arrays of numbers become lists.
    """

    def __init__(self, fewest: int) -> None:
        self.brackets, self._fewest = 0, fewest

    def convert(self, value: Any) -> Any:
        kind = type(value)
        if kind is csimdjson.Object:
            return self._convert_object(value)
        if kind is csimdjson.Array:
            return self._convert_array(value)
        if kind is str:
            self.brackets += value.count("[")
        return value

    def _convert_object(self, value: Any) -> dict[str, Any]:
        keys = list(value.keys())
        if len(keys) > MOST_KEYS or len(set(keys)) < len(keys):
            raise Inexact
        return {self.convert(key): self.convert(value[key]) for key in keys}

    def _convert_array(self, array: Any) -> Any:
        leaf, depth = _first_leaf(array)
        if type(leaf) in (int, float):
            return self._numbers(array, depth)
        self.brackets += 1
        return [self.convert(item) for item in array]

    def _numbers(self, array: Any, depth: int) -> Any:
        shape = _regular_shape(array, depth)
        self.brackets += sum(prod(shape[:level]) for level in range(depth))
        if prod(shape) < self._fewest:
            return array.as_list()
        numbers = _numbers_below(array)
        if numbers.size != prod(shape):
            raise Inexact
        return numbers.reshape(shape)


def _first_leaf(value: Any) -> tuple[Any, int]:
    """Return the first value below that is not an array, and how many arrays it is in."""
    depth = 0
    while type(value) is csimdjson.Array:
        depth += 1
        value = value[0] if len(value) else None
    return value, depth


def _regular_shape(array: Any, depth: int) -> tuple[int, ...]:
    """Return the shape: the length of the arrays at each of `depth` levels, which must be equal."""
    shape, level = [len(array)], [array]
    for deeper in reversed(range(1, depth)):
        rows: Iterable[Any] = chain.from_iterable(level)
        if deeper > 1:
            rows = level = list(rows)
        lengths = set(map(len, rows))
        if len(lengths) != 1:
            raise Inexact
        shape.append(lengths.pop())
    return tuple(shape)


def _numbers_below(array: Any) -> Array:
    """Return all numbers below `array` in order, as the narrowest of int64, uint64 and float64."""
    for kind, dtype in (("i", np.int64), ("u", np.uint64)):
        try:
            return np.frombuffer(array.as_buffer(of_type=kind), dtype)
        except TypeError:
            break  # a float, or not a number
        except ValueError:
            continue  # an integer out of the range of this type
    else:
        raise Inexact  # integers that only the exact parser supports
    return np.frombuffer(array.as_buffer(of_type="d"), np.float64)
