"""Datatypes, and the conversion of JSON values to arrays.

A number out of the range of its type is an error, booleans are not numbers, and floats are not
integers. A float type rounds to its nearest value: 16777217 as well as 0.1, whether it was written
as an integer or as a float. `null` is a missing value: NaN for floats, the empty text for BYTES;
integers and booleans have none.
"""

import math
from collections.abc import Collection, Sequence
from itertools import chain
from types import MappingProxyType, NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lading.functions.contract.errors import InvalidInput, UnexpectedInput, UnexpectedShape, brief
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.bfloat16 import BFloat16, rounded
from lading.functions.inference.tensors.usual_rows import read_rows

Array = NDArray[Any]

BF16, BYTES = "BF16", "BYTES"

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
        BF16: np.dtype("<f4"),
        BYTES: np.dtype(np.object_),
    }
)
"""Open Inference Protocol datatype -> numpy dtype.

A BYTES array holds `bytes` objects; a BF16 array is a `BFloat16` (`bfloat16.py`).
"""

FLOATS = frozenset(name for name, dtype in DTYPES.items() if dtype.kind == "f")
"""Datatypes of floating-point numbers."""

_DATATYPES = MappingProxyType({dtype: name for name, dtype in DTYPES.items() if name != BF16})

RAW_ONLY = frozenset({"FP16", BF16})
"""Datatypes that several protocols support in binary form only."""

MOST_DIMENSIONS = 64
"""The highest rank that numpy supports."""


def from_json(value: Any, name: str, datatype: str) -> Array:
    """Convert a JSON value to an array of `datatype`, with the shape of its nesting.

    Args:
        value: nested lists of scalars, one scalar, or an array from `json_values.loads`. Bytes that
            are not text are `{"b64": "..."}`; None is a missing value.
        name: the input's name, for errors.
        datatype: a key of `DTYPES`.

    Raises:
        InvalidInput: the value is ragged, of the wrong type, or out of the datatype's range.
    """
    usual = read_rows(value, datatype)
    return from_json_exactly(value, name, datatype) if usual is None else usual


def from_json_exactly(value: Any, name: str, datatype: str) -> Array:
    """Convert any JSON value; see `from_json`."""
    if value is None:  # there is no tensor, not a scalar whose value is missing
        raise _wrong_kind(name, datatype, {NoneType})
    if isinstance(value, np.ndarray):
        array = _from_numbers(value, name, datatype)
    else:
        leaves, shape = _flatten(value, name)
        array = _from_leaves(leaves, name, datatype).reshape(shape)
    return as_datatype(array, datatype)


def check_header(name: str, datatype: Any, shape: Any) -> None:
    """Check the datatype and the shape that a caller states, before the data is read.

    Raises:
        InvalidInput: there is no such datatype, or the shape is invalid.
    """
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise InvalidInput(name, f"needs a 'datatype' of {', '.join(DTYPES)}")
    if not isinstance(shape, list) or not all(map(_is_size, shape)):
        raise InvalidInput(name, "needs a 'shape', a list of whole numbers")
    if len(shape) > MOST_DIMENSIONS:
        raise InvalidInput(name, f"has more than {MOST_DIMENSIONS} dimensions")


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def check_signature(inputs: dict[str, Array], specs: Sequence[TensorSpec]) -> None:
    """Check names, datatypes, shapes and values against a model's signature.

    Raises:
        InvalidInput: an input does not match; the text says what would.
    """
    if inputs.keys() != {spec.name for spec in specs}:
        check_names(inputs, specs)
    for spec in specs:
        array = inputs[spec.name]
        if not _is_usual(array, spec):
            _check_tensor(array, spec)
        if spec.domain is not None:
            spec.domain.check(array, spec.name)


def _is_usual(array: Array, spec: TensorSpec) -> bool:
    """Return whether an array has the dtype and the shape of a signature; False: perhaps not."""
    return (
        type(array) is np.ndarray
        and array.dtype is DTYPES[spec.datatype]
        and spec.datatype != BF16
        and _fits(array.shape, spec.shape)
    )


def _check_tensor(array: Array, spec: TensorSpec) -> None:
    if datatype_of(array) != spec.datatype:
        raise InvalidInput(spec.name, f"must be {spec.datatype}, not {datatype_of(array)}")
    if not _fits(array.shape, spec.shape):
        raise UnexpectedShape(spec.name, array.shape, spec.shape)


def check_names(names: Collection[str], specs: Sequence[TensorSpec]) -> None:
    """Check that the inputs are exactly those of the signature.

    Raises:
        InvalidInput: one is unknown, or one is missing.
    """
    wanted = [spec.name for spec in specs]
    if [*names] == wanted:
        return
    for name in names:
        if name not in wanted:
            raise UnexpectedInput(name, wanted)
    for name in wanted:
        if name not in names:
            raise InvalidInput(name, f"is missing; the model requires {', '.join(wanted)}")


def reshape(array: Array, shape: Sequence[int], name: str) -> Array:
    """Return `array` in the shape that a caller stated; the number of elements is right.

    Raises:
        InvalidInput: numpy does not support the shape, for instance 2**80 rows without a column.
    """
    try:
        return array.reshape(shape)
    except ValueError as error:
        raise InvalidInput(name, f"has the unsupported shape {list(shape)}") from error


def as_datatype(array: Array, datatype: str) -> Array:
    """Return an array of a datatype's dtype as that datatype: for BF16 it is rounded."""
    return rounded(array) if datatype == BF16 else array


def datatype_of(array: Array) -> str:
    """Return the name of an array's datatype in the Open Inference Protocol."""
    return BF16 if isinstance(array, BFloat16) else _DATATYPES[array.dtype]


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    if len(shape) != len(wanted):
        return False
    for have, want in zip(shape, wanted, strict=True):  # noqa: SIM110 a generator takes twice as long
        if want not in (have, -1):
            return False
    return True


def _flatten(value: Any, name: str) -> tuple[list[Any], tuple[int, ...]]:
    """Return the leaves in row-major order, and the shape; a level's lists have one length."""
    level: list[Any] = [value]
    shape: list[int] = []
    while True:
        kinds = set(map(type, level))
        if np.ndarray in kinds:
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
        if len(shape) > MOST_DIMENSIONS:
            raise InvalidInput(name, f"is nested more than {MOST_DIMENSIONS} lists deep")
        level = list(chain.from_iterable(level))


def takes_missing(datatype: str) -> bool:
    """Return whether JSON's `null` is a value of this datatype."""
    return DTYPES[datatype].kind in "fO"


def _from_leaves(leaves: list[Any], name: str, datatype: str) -> Array:
    kinds = set(map(type, leaves))
    if not kinds:
        return np.empty(0, DTYPES[datatype])
    if datatype == BYTES:
        return _byte_strings(leaves, kinds, name)
    if datatype == "BOOL":
        if kinds != {bool}:
            raise _wrong_kind(name, datatype, kinds)
        return np.array(leaves, np.bool_)
    if not kinds <= ({int, float, NoneType} if takes_missing(datatype) else {int, float}):
        raise _wrong_kind(name, datatype, kinds)
    if takes_missing(datatype):
        return _from_floats(_doubles(leaves, name, datatype), name, datatype)
    if float in kinds:
        raise _no_floats(name, datatype)
    return _from_integers(leaves, name, datatype)


def _from_numbers(array: Array, name: str, datatype: str) -> Array:
    """Convert an array of int64, uint64 or finite float64 numbers."""
    if datatype in (BYTES, "BOOL"):
        raise _wrong_kind(name, datatype, {int})
    if not array.size:
        return np.empty(array.shape, DTYPES[datatype])
    if takes_missing(datatype):
        return _from_floats(array.astype(np.float64, copy=False), name, datatype)
    if array.dtype.kind == "f":
        raise _no_floats(name, datatype)
    _check_range(int(array.min()), int(array.max()), name, datatype)
    return array.astype(DTYPES[datatype])


def _from_integers(values: list[int], name: str, datatype: str) -> Array:
    _check_range(min(values), max(values), name, datatype)
    return np.array(values, DTYPES[datatype])


def _check_range(lowest: int, highest: int, name: str, datatype: str) -> None:
    dtype = DTYPES[datatype]
    bits = dtype.itemsize * 8
    least = 0 if dtype.kind == "u" else -(1 << (bits - 1))
    for extreme in (lowest, highest):
        if not least <= extreme < least + (1 << bits):
            raise InvalidInput(name, f"holds {brief(str(extreme))}, which {datatype} cannot")


def _doubles(leaves: list[Any], name: str, datatype: str) -> Array:
    """Numbers as doubles, as in most JSON parsers, and None as NaN."""
    try:
        return np.array(leaves, np.float64)
    except OverflowError as error:
        beyond = max((leaf for leaf in leaves if type(leaf) is int), key=abs)
        reason = f"holds {brief(str(beyond))}, which {datatype} cannot"
        raise InvalidInput(name, reason) from error


def _from_floats(array: Array, name: str, datatype: str) -> Array:
    dtype = DTYPES[datatype]
    if dtype == np.float64:
        return array
    with np.errstate(over="ignore"):
        converted = as_datatype(array.astype(dtype), datatype)
    if not np.isfinite(converted).all():
        beyond = array[np.isinf(converted) & np.isfinite(array)]
        if beyond.size:
            raise InvalidInput(name, f"holds {beyond.flat[0]!s}, which {datatype} cannot")
    return converted


def _no_floats(name: str, datatype: str) -> InvalidInput:
    return InvalidInput(name, f"must be whole numbers for {datatype}, not floats")


def is_b64(value: Any) -> bool:
    """Return whether a JSON value is TensorFlow Serving's form of bytes, `{"b64": "..."}`."""
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _byte_strings(leaves: list[Any], kinds: set[type], name: str) -> Array:
    if dict in kinds:
        leaves = [_from_b64(leaf, name) if is_b64(leaf) else leaf for leaf in leaves]
        kinds = set(map(type, leaves))
    if not kinds <= {str, bytes, NoneType}:
        raise _wrong_kind(name, BYTES, kinds)
    if NoneType in kinds:
        leaves = [b"" if leaf is None else leaf for leaf in leaves]
    array = np.empty(len(leaves), np.object_)
    try:
        array[:] = [leaf if type(leaf) is bytes else leaf.encode() for leaf in leaves]
    except UnicodeEncodeError as error:
        raise InvalidInput(name, "holds a string that is not valid Unicode") from error
    return array


def _from_b64(value: dict[str, str], name: str) -> bytes:
    """Decode base64; white space and missing padding are accepted, as in TensorFlow Serving."""
    from pybase64 import b64decode

    text = "".join(value["b64"].split())
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:  # includes binascii's error
        raise InvalidInput(name, "holds a 'b64' that is not base64") from error


def _wrong_kind(name: str, datatype: str, kinds: set[type]) -> InvalidInput:
    words = {int: "numbers", float: "numbers", bool: "booleans", str: "strings", dict: "objects"}
    found = " and ".join(sorted({words.get(kind, "null") for kind in kinds}))
    wanted = {"BOOL": "true or false", BYTES: "strings"}.get(datatype, "numbers")
    return InvalidInput(name, f"must be {wanted} for {datatype}, not {found}")


def element_count(shape: Sequence[int]) -> int:
    """Return the number of elements of a tensor of this shape, exact for any size."""
    return math.prod(shape)
