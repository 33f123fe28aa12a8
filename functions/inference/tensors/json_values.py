"""JSON to Python and back, for documents with tensors.

`loads` returns what `json.loads` returns, except that in a large body a regular array of numbers
becomes one numpy array instead of nested lists. simdjson reads such arrays ten times faster, but
not exactly: it rejects NaN and Infinity, flattens ragged lists silently and turns integers into
floats. So it is used only where its result can be verified (`simdjson_reader`). orjson reads the
rest ten times faster than the standard library. It rejects NaN, Infinity, lone surrogates and deep
nesting, which the standard library then reads, and it turns integers over 64 bits into floats, so
it is not used where there may be one.

`dumps` writes floats with the fewest digits that read back to the same value in the precision of
the array (0.1, not 0.10000000149011612), whole ones as `1.0`, and NaN and Infinity as bare tokens,
as TensorFlow Serving and Triton do.
"""

import json
import math
import re
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from lading.functions.contract.errors import MalformedRequest, brief

SMALL_BODY = 8192
"""Bytes up to which the exact parser is as fast, so that simdjson need not be imported."""

LONG_BODY = 4 * 1024 * 1024
"""Bytes above which long arrays are read in pieces, for memory and for the other requests."""

_NULL = b"null"
_LONG_NUMBER = b"0" * 19
_LONG_INTEGER = re.compile(rb"(?<![.0-9])[0-9]{19}")
_DIGITS_TO_ZEROS = bytes(ord("0") if chr(byte) in "123456789" else byte for byte in range(256))


def loads(body: bytes | bytearray) -> Any:
    """Read one JSON document; NaN, Infinity and -Infinity are numbers in it.

    Raises:
        MalformedRequest: `body` is not JSON in UTF-8, is nested too deeply, or holds a number out
            of the range of a double.
    """
    if len(body) > SMALL_BODY:
        from lading.functions.inference.tensors.simdjson_reader import Inexact, read

        try:
            return read(body) if len(body) <= LONG_BODY else _read_in_pieces(body)
        except Inexact:
            pass
    return loads_exactly(body)


def _read_in_pieces(body: bytes | bytearray) -> Any:
    from lading.functions.inference.tensors.long_arrays import read_in_pieces

    return read_in_pieces(body)


def loads_object(body: bytes | bytearray, *, exactly: bool = False) -> dict[str, Any]:
    """Read one JSON object, as `loads` or as `loads_exactly`.

    Raises:
        MalformedRequest: `body` is not one.
    """
    document = loads_exactly(body) if exactly else loads(body)
    if not isinstance(document, dict):
        raise MalformedRequest("the request must be a JSON object")
    return document


def loads_exactly(body: bytes | bytearray) -> Any:
    """Read one JSON document as the standard library's parser does; see `loads`."""
    if not _may_hold_long_integer(body):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # if this is not JSON, the other parser says better why
    try:
        return json.loads(body.decode(), parse_float=_finite_float)
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"the body is not UTF-8: {error.reason} at byte {error.start}"
        ) from error
    except json.JSONDecodeError as error:
        raise MalformedRequest(f"the body is not JSON: {error}") from error
    except ValueError as error:  # Python rejects integers of thousands of digits
        raise MalformedRequest("the body holds a number that is too long") from error
    except RecursionError as error:
        raise MalformedRequest("the body is nested too deeply") from error


def _may_hold_long_integer(body: bytes | bytearray) -> bool:
    """Return whether there may be an integer of 19 digits or more; fractions do not count."""
    if _LONG_NUMBER not in body.translate(_DIGITS_TO_ZEROS):
        return False
    return _LONG_INTEGER.search(body) is not None


def _finite_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise MalformedRequest(
            f"the body holds {brief(text)}, which is out of the range of a double"
        )
    return value


def dumps(document: Any, *, bare_tokens: bool = True) -> bytes:
    """Write a document that may hold arrays of numbers or booleans, of any shape.

    Args:
        document: what to write.
        bare_tokens: whether NaN and Infinity are written as such, or as null.
    """
    try:
        body = orjson.dumps(document, to_lists, orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # a lone surrogate from the caller
        return _dumps_slowly(document)
    if bare_tokens and _NULL in body and not _finite(document):
        return _dumps_slowly(document)
    return body


def _dumps_slowly(document: Any) -> bytes:
    return json.dumps(document, default=to_lists, separators=(",", ":")).encode()


def _finite(value: Any) -> bool:
    """Return whether the document is free of NaN and Infinity, which orjson writes as null."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return True


def to_text(array: NDArray[Any]) -> Any:
    """Return an array for `dumps`: byte strings become text, with a mark for invalid UTF-8."""
    if array.dtype.kind != "O":
        return array
    texts = np.empty(array.shape, np.object_)
    texts.flat[:] = [item.decode(errors="replace") for item in array.flat]
    return texts.tolist()


def rows_of(values: NDArray[Any] | list[Any]) -> list[Any]:
    """Return the rows of an array for `dumps`, as views of it; or a list as it is."""
    return values if isinstance(values, list) else [*values]


def to_lists(array: Any) -> Any:
    """Return an array, or its scalar, as lists whose floats have the digits that `dumps` writes."""
    if not isinstance(array, np.ndarray | np.generic):
        return array
    if array.dtype != np.float32:
        return array.tolist()
    finite = np.isfinite(array)
    zeros = np.where(finite, array, np.float32(0)).ravel()
    values = np.array(orjson.loads(orjson.dumps(zeros, option=orjson.OPT_SERIALIZE_NUMPY)), object)
    rest = ~finite.ravel()
    values[rest] = array.ravel()[rest].tolist()
    return values.reshape(array.shape).tolist()
