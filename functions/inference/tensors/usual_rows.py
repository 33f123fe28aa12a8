"""The usual rows of a small request: regular, of one type, every value in range.

A row of numbers goes through `array.array`, which refuses what is out of range or of another type;
a sum tells whether all are finite. For anything else there is no result here, and
`conversion.from_json` decides, which returns the same array for these rows and says what is wrong
with others.
"""

from array import array
from collections.abc import Mapping
from itertools import chain
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_CODES: Final[Mapping[str, tuple[str, np.dtype[Any]]]] = MappingProxyType(
    {
        "UINT8": ("B", np.dtype("<u1")),
        "UINT16": ("H", np.dtype("<u2")),
        "UINT32": ("I", np.dtype("<u4")),
        "UINT64": ("Q", np.dtype("<u8")),
        "INT8": ("b", np.dtype("<i1")),
        "INT16": ("h", np.dtype("<i2")),
        "INT32": ("i", np.dtype("<i4")),
        "INT64": ("q", np.dtype("<i8")),
        "FP32": ("f", np.dtype("<f4")),
        "FP64": ("d", np.dtype("<f8")),
    }
)
"""Datatype -> the code of `array.array` and the dtype; all hosts are little-endian."""

_FLOATS: Final = ({float}, {float, int}, {int})
_INTEGERS: Final = ({int},)
_LISTS: Final = {list}
_TEXTS: Final = {str}
_FEW: Final = 256
"""Values up to which Python's sum is faster than numpy's tests."""


def read_rows(value: Any, datatype: str) -> NDArray[Any] | None:
    """Return a list of values, or of lists of values, as an array; None where it is not usual."""
    if type(value) is not list or not value:
        return None
    if type(value[0]) is not list:
        return _read(value, datatype, (len(value),))
    row = value[0]
    if len(value) > 1:
        if set(map(type, value)) != _LISTS or set(map(len, value)) != {len(row)}:
            return None
        return _read([*chain.from_iterable(value)], datatype, (len(value), len(row)))
    return _read(row, datatype, (1, len(row)))


def _read(row: list[Any], datatype: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
    kinds = set(map(type, row))
    if datatype == "BYTES":
        return _texts(row, shape) if kinds == _TEXTS else None
    if datatype not in _CODES:
        return None
    code, dtype = _CODES[datatype]
    is_float = code in "fd"
    if kinds not in (_FLOATS if is_float else _INTEGERS):
        return None  # also booleans, which array.array takes for numbers
    try:
        numbers: array[Any] = array(code, row)
    except OverflowError:
        return None
    if is_float and not isfinite(sum(numbers)):
        return None
    return np.frombuffer(numbers, dtype).reshape(shape)


def _texts(row: list[str], shape: tuple[int, ...]) -> NDArray[Any] | None:
    texts = np.empty(len(row), np.object_)
    try:
        texts[:] = [text.encode() for text in row]
    except UnicodeEncodeError:
        return None
    return texts.reshape(shape)


def all_finite(numbers: NDArray[Any]) -> bool:
    """Return whether an array of floats has neither NaN nor infinities."""
    if numbers.size <= _FEW and isfinite(sum(numbers.ravel().tolist())):
        return True
    return bool(np.isfinite(numbers).all())  # a sum of finite numbers may be infinite too
