"""Datatypes, and the one way from JSON values to arrays.

The conversion is strict, as TensorFlow Serving's is: a number that a tensor cannot hold is an
error, never another number. Booleans are not numbers, floats are not integers, and an integer
that a float type would round is refused.
"""

import math
from collections.abc import Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.inference.artifact import TensorSpec
from functions.inference.errors import InvalidInput

Array = NDArray[Any]

BYTES = "BYTES"

DTYPES = MappingProxyType(
    {
        "BOOL": np.dtype(np.bool_),
        "UINT8": np.dtype("<u1"),
        "UINT16": np.dtype("<u2"),
        "UINT32": np.dtype("<u4"),
        "UINT64": np.dtype("<u8"),
        "INT8": np.dtype("<i1"),
        "INT16": np.dtype("<i2"),
        "INT32": np.dtype("<i4"),
        "INT64": np.dtype("<i8"),
        "FP16": np.dtype("<f2"),
        "FP32": np.dtype("<f4"),
        "FP64": np.dtype("<f8"),
        BYTES: np.dtype(np.object_),
    }
)
"""Open Inference Protocol datatype -> numpy dtype; a BYTES array holds `bytes` objects."""

_SIGNIFICANT_BITS = MappingProxyType({"FP16": 11, "FP32": 24, "FP64": 53})


def from_json(value: Any, name: str, datatype: str) -> Array:
    """Turn a JSON value into an array of `datatype`, in the shape in which it is nested.

    Args:
        value: nested lists of scalars, one scalar, or an array that `json_codec.loads` made.
        name: the input's name, for errors.
        datatype: a key of `DTYPES`.

    Raises:
        InvalidInput: ragged, of the wrong type, or not representable without loss.
    """
    if isinstance(value, np.ndarray):
        return _from_numbers(value, name, datatype)
    leaves, shape = _flatten(value, name)
    return _from_leaves(leaves, name, datatype).reshape(shape)


def check_signature(inputs: dict[str, Array], specs: Sequence[TensorSpec]) -> None:
    """Check names, datatypes and shapes against a model's signature.

    Raises:
        InvalidInput: the first input that does not fit; the text says what would.
    """
    wanted = {spec.name: spec for spec in specs}
    for name in inputs:
        if name not in wanted:
            raise InvalidInput(name, f"is unknown; the model takes {', '.join(wanted)}")
    for name, spec in wanted.items():
        if name not in inputs:
            raise InvalidInput(name, f"is missing; the model takes {', '.join(wanted)}")
        array = inputs[name]
        if array.dtype != DTYPES[spec.datatype]:
            raise InvalidInput(name, f"must be {spec.datatype}, not {datatype_of(array)}")
        if not _fits(array.shape, spec.shape):
            raise InvalidInput(
                name,
                f"has shape {list(array.shape)}, the model takes {list(spec.shape)} "
                "(-1 is any size)",
            )


def datatype_of(array: Array) -> str:
    """The Open Inference Protocol name of an array's dtype."""
    return next(name for name, dtype in DTYPES.items() if dtype == array.dtype)


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        want in (-1, have) for have, want in zip(shape, wanted, strict=True)
    )


def _flatten(value: Any, name: str) -> tuple[list[Any], tuple[int, ...]]:
    """Leaves in row-major order, and the shape; every list of a level has the same length."""
    level: list[Any] = [value]
    shape: list[int] = []
    while True:
        level = [item.tolist() if isinstance(item, np.ndarray) else item for item in level]
        kinds = set(map(type, level))
        if list not in kinds:
            return level, tuple(shape)
        if kinds != {list}:
            raise InvalidInput(name, "is ragged: it mixes lists and values at one level")
        lengths = set(map(len, level))
        if len(lengths) > 1:
            raise InvalidInput(
                name, f"is ragged: lists of {min(lengths)} and {max(lengths)} at one level"
            )
        shape.append(lengths.pop())
        level = list(chain.from_iterable(level))


def _from_leaves(leaves: list[Any], name: str, datatype: str) -> Array:
    kinds = set(map(type, leaves))
    if not kinds:
        return np.empty(0, DTYPES[datatype])
    if datatype == BYTES:
        return _byte_strings(leaves, kinds, name)
    if datatype == "BOOL":
        if kinds != {bool}:
            raise InvalidInput(name, f"must be true or false for BOOL, not {_kinds(kinds)}")
        return np.array(leaves, np.bool_)
    if not kinds <= {int, float}:
        raise InvalidInput(name, f"must be numbers for {datatype}, not {_kinds(kinds)}")
    if kinds == {int}:
        return _from_integers(leaves, min(leaves), max(leaves), name, datatype)
    if int in kinds and DTYPES[datatype].kind == "f":
        integers = [leaf for leaf in leaves if type(leaf) is int]
        _check_lossless(min(integers), max(integers), name, datatype)
    return _from_floats(np.array(leaves, np.float64), name, datatype)


def _from_numbers(array: Array, name: str, datatype: str) -> Array:
    """`array` holds int64, uint64 or finite float64 numbers."""
    if datatype in (BYTES, "BOOL"):
        raise InvalidInput(name, f"must not be numbers for {datatype}")
    if array.dtype.kind == "f":
        return _from_floats(array, name, datatype)
    return _from_integers(array, int(array.min()), int(array.max()), name, datatype)


def _from_integers(values: Any, smallest: int, largest: int, name: str, datatype: str) -> Array:
    dtype = DTYPES[datatype]
    if dtype.kind == "f":
        _check_lossless(smallest, largest, name, datatype)
    else:
        bits = dtype.itemsize * 8
        lowest = 0 if dtype.kind == "u" else -(1 << (bits - 1))
        for extreme in (smallest, largest):
            if not lowest <= extreme < lowest + (1 << bits):
                raise InvalidInput(name, f"holds {extreme}, which {datatype} cannot")
    return np.asarray(values).astype(dtype)


def _check_lossless(smallest: int, largest: int, name: str, datatype: str) -> None:
    limit = 1 << _SIGNIFICANT_BITS[datatype]
    for extreme in (smallest, largest):
        if abs(extreme) > limit:
            raise InvalidInput(name, f"holds {extreme}, which {datatype} cannot without loss")


def _from_floats(array: Array, name: str, datatype: str) -> Array:
    dtype = DTYPES[datatype]
    if dtype.kind != "f":
        raise InvalidInput(name, f"must be whole numbers for {datatype}, not floats")
    if dtype == np.float64:
        return array
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    if not np.isfinite(converted).all():
        beyond = array[np.isinf(converted) & np.isfinite(array)]
        if beyond.size:
            raise InvalidInput(name, f"holds {beyond.flat[0]!s}, which {datatype} cannot")
    return converted


def _byte_strings(leaves: list[Any], kinds: set[type], name: str) -> Array:
    if not kinds <= {str, bytes}:
        raise InvalidInput(name, f"must be strings for BYTES, not {_kinds(kinds)}")
    array = np.empty(len(leaves), np.object_)
    try:
        array[:] = [leaf if type(leaf) is bytes else leaf.encode() for leaf in leaves]
    except UnicodeEncodeError as error:
        raise InvalidInput(name, "holds a string that is not valid Unicode") from error
    return array


def _kinds(kinds: set[type]) -> str:
    words = {int: "numbers", float: "numbers", bool: "booleans", str: "strings", dict: "objects"}
    return " and ".join(sorted({words.get(kind, "null") for kind in kinds}))


def element_count(shape: Sequence[int]) -> int:
    """Number of elements of a tensor of this shape; exact for any sizes."""
    return math.prod(shape)
