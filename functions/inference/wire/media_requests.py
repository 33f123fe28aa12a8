"""Bodies that are not JSON, read as a model's inputs: CSV, npy, JSON Lines, text, octets.

| content type                             | content                                             |
|---|---|
| `text/csv`, `application/csv`            | a row in each line; `header=present` names columns  |
| `application/x-npy`                      | one array, as written by `numpy.save`               |
| `application/jsonlines`, `x-ndjson`, ... | a row in each line: a value, or an object by input  |
| `text/...`                               | one string                                          |
| `image/...`, `audio/...`                 | one string of bytes, for a model that reads files   |
| `application/x-image`                    | the same, as for SageMaker's image classifier       |
| `application/octet-stream`               | the same; for a model of numbers, a raw tensor      |

An empty cell of CSV and null in JSON Lines are missing values: NaN for a float, else the empty
text. Nothing is unpickled. A size in a header is compared with the bytes that are there before any
memory is allocated.
"""

import csv
import io
import re
import warnings
from collections.abc import Callable
from math import prod
from tokenize import TokenError
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from lading.functions.contract.errors import (
    InvalidInput,
    MalformedRequest,
    UnsupportedMediaType,
    brief,
    reason_of,
)
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import (
    BF16,
    BYTES,
    DTYPES,
    Array,
    check_names,
    from_json,
)

CSV: Final = "text/csv"
CSV_TYPES: Final = (CSV, "application/csv")
NPY: Final = "application/x-npy"
JSON_LINES: Final = "application/jsonlines"
OCTETS: Final = "application/octet-stream"
X_IMAGE: Final = "application/x-image"

_EMPTY_CELL = re.compile(
    r"""(?: (?<=,) | ^(?=[ \t]*+[",]) )   # after a comma, or first in a line that is not blank
        [ \t]*+ (?: ""[ \t]*+ )? (?= , | \r?$ )""",
    re.MULTILINE | re.VERBOSE,
)

LINE_TYPES: Final = (
    JSON_LINES,
    "application/jsonl",
    "application/x-ndjson",
    "application/x-jsonlines",
)
_BOOLEANS = MappingProxyType({"true": True, "false": False, "1": True, "0": False})
_KINDS = MappingProxyType({"i": np.int64, "u": np.uint64, "f": np.float64})
_LONGEST_HEADER = 1024
"""Bytes of a .npy header: numpy's have 128, and parsing brackets takes 300 times their length."""

_NO_HEADER = (
    ValueError,
    TypeError,
    LookupError,
    SyntaxError,
    TokenError,
    RecursionError,
    MemoryError,
)
"""The exceptions of numpy for a header, which it reads as a Python literal."""

Decoder = Callable[[bytes, ModelMetadata, dict[str, str]], dict[str, Array]]


def split_type(text: str) -> tuple[str, dict[str, str]]:
    """Split a content type from its parameters, both in lower case.

    >>> split_type("Text/CSV; header=present")
    ('text/csv', {'header': 'present'})
    """
    essence, *rest = text.lower().split(";")
    pairs = (each.partition("=") for each in rest)
    return essence.strip(), {key.strip(): value.strip(' "') for key, _, value in pairs}


def find_decoder(content_type: str) -> Decoder | None:
    """Return the decoder of a content type; None when it is not one of the types above."""
    essence, _ = split_type(content_type)
    return _decode_octets if _is_file(essence) else _DECODERS.get(essence)


def decode(content_type: str, body: bytes, metadata: ModelMetadata) -> dict[str, Array]:
    """Read arrays by name from a body.

    Raises:
        UnsupportedMediaType: the type is not supported, or not for this model.
        MalformedRequest: the body is not of its type.
        InvalidInput: its values do not match the signature.
    """
    decoder = find_decoder(content_type)
    if decoder is None:
        raise UnsupportedMediaType(content_type, KNOWN)
    essence, parameters = split_type(content_type)
    if _is_file(essence):
        _require_bytes(content_type, metadata)
    return decoder(bytes(body), metadata, parameters)  # it may be a bytearray


def _is_file(essence: str) -> bool:
    """Return whether the body is a text or an image, the value of a BYTES input."""
    kind = essence.partition("/")[0]
    return essence == X_IMAGE or (kind in ("text", "image", "audio") and essence not in _DECODERS)


def _require_bytes(content_type: str, metadata: ModelMetadata) -> None:
    spec = _only_input(metadata, "such a body")
    if spec.datatype != BYTES:
        raise UnsupportedMediaType(
            content_type, (f"numbers for input '{spec.name}' as JSON", CSV, NPY)
        )


def _only_input(metadata: ModelMetadata, what: str) -> TensorSpec:
    if len(metadata.inputs) != 1:
        names = ", ".join(spec.name for spec in metadata.inputs)
        raise MalformedRequest(f"{what} holds one input, but the model requires {names}; send JSON")
    return metadata.inputs[0]


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"the body is not UTF-8: {error.reason} at byte {error.start}"
        ) from error


def _decode_csv(
    body: bytes, metadata: ModelMetadata, parameters: dict[str, str]
) -> dict[str, Array]:
    text = _text(body)
    if parameters.get("header") == "present":
        header, _, text = text.partition("\n")
        names = next(csv.reader([header]), [])
        if len(metadata.inputs) > 1:
            return _named_columns(text, names, metadata)
    spec = _only_input(metadata, "CSV without header=present")
    return {spec.name: _table(text, spec)}


def _named_columns(text: str, names: list[str], metadata: ModelMetadata) -> dict[str, Array]:
    """Return the columns with the inputs' names, each with one value for each row."""
    check_names(names, metadata.inputs)
    if len(set(names)) < len(names):
        raise MalformedRequest("the header of the CSV has a column twice")
    arrays = {}
    for spec in metadata.inputs:
        column = _table(text, spec, names.index(spec.name))
        arrays[spec.name] = column.reshape(-1) if len(spec.shape) == 1 else column
    return arrays


def _table(text: str, spec: TensorSpec, column: int | None = None) -> Array:
    """Return a table of one datatype, of all columns or of one."""
    kind = _KINDS.get(DTYPES[spec.datatype].kind)
    if not text.strip():
        raise MalformedRequest("the CSV has no rows")
    if kind is None:
        return _texts(text, spec, column)
    try:
        numbers = _numbers(text, kind, column)
    except (ValueError, OverflowError, Warning) as error:
        reason = brief(str(error).partition(";")[0])
        raise MalformedRequest(f"the CSV does not hold {spec.datatype}: {reason}") from error
    table = from_json(numbers, spec.name, spec.datatype)
    return table.reshape(-1) if len(spec.shape) == 1 and table.shape[1:] == (1,) else table


def _numbers(text: str, kind: type[Any], column: int | None) -> Array:
    """Return the cells as numbers; an empty cell of a float is NaN."""
    try:
        return _loaded(text, kind, column)
    except ValueError:
        filled = _EMPTY_CELL.sub("nan", text) if kind is np.float64 else text
        if filled == text:
            raise
        return _loaded(filled, kind, column)


def _loaded(text: str, kind: type[Any], column: int | None) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.loadtxt(
            io.StringIO(text),
            dtype=kind,
            comments=None,
            delimiter=",",
            quotechar='"',
            ndmin=2,
            usecols=column,
        )


def _texts(text: str, spec: TensorSpec, column: int | None) -> Array:
    try:
        rows: list[list[Any]] = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise MalformedRequest(f"the body is not CSV: {error}") from error
    if column is not None:
        if any(len(row) <= column for row in rows):
            raise MalformedRequest("the CSV has a row with fewer columns than its header")
        rows = [[row[column]] for row in rows]
    if spec.datatype == "BOOL":
        rows = [[_boolean(cell, spec.name) for cell in row] for row in rows]
    array = from_json(rows, spec.name, spec.datatype)
    return array.reshape(-1) if len(spec.shape) == 1 and array.shape[1:] == (1,) else array


def _boolean(text: str, name: str) -> bool:
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError as error:
        reason = f"holds '{brief(text)}', which is neither true nor false"
        raise InvalidInput(name, reason) from error


def _decode_npy(body: bytes, metadata: ModelMetadata, _: dict[str, str]) -> dict[str, Array]:
    spec = _only_input(metadata, "a .npy file")
    array = read_npy(body)
    if array.dtype.kind in "US":
        texts = from_json(array.ravel().tolist(), spec.name, BYTES)
        return {spec.name: texts.reshape(array.shape)}
    if (array.dtype == DTYPES[spec.datatype] and spec.datatype != BF16) or array.dtype.kind == "b":
        return {spec.name: array}
    wide = array.astype(_KINDS[array.dtype.kind])
    return {spec.name: from_json(wide, spec.name, spec.datatype)}


def read_npy(body: bytes) -> Array:
    """Return the array of a .npy file, as a view of its bytes if they are aligned.

    https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

    Raises:
        MalformedRequest: it is not such a file, holds objects, or has the wrong length.
    """
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, column_major, dtype = readers[version](stream, max_header_size=_LONGEST_HEADER)
    except _NO_HEADER as error:
        raise MalformedRequest(f"the body is not a .npy file: {reason_of(error)}") from error
    if dtype.kind not in "biufUS" or not dtype.itemsize:
        raise MalformedRequest(f"the .npy file holds {brief(str(dtype))}, which is not supported")
    content = memoryview(body)[stream.tell() :]
    wanted = prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or wanted != len(content):
        raise MalformedRequest(
            f"the .npy file has {len(content)} bytes of data, its header requires {wanted}"
        )
    array = np.frombuffer(content, dtype)
    # Vectorized kernels need aligned addresses and the byte order of the processor.
    native = array if array.flags.aligned else array.copy()
    try:
        shaped = native.reshape(shape, order="F" if column_major else "C")
    except (ValueError, TypeError) as error:
        raise MalformedRequest("the .npy file has an unsupported shape") from error
    return np.ascontiguousarray(shaped, dtype.newbyteorder("=")).reshape(shape)


def _decode_lines(body: bytes, metadata: ModelMetadata, _: dict[str, str]) -> dict[str, Array]:
    rows = [_line(number, line) for number, line in enumerate(body.splitlines(), 1) if line.strip()]
    if not rows:
        raise MalformedRequest("the body has no lines")
    if not isinstance(rows[0], dict):
        spec = _only_input(metadata, "a line that is not an object")
        return {spec.name: from_json(rows, spec.name, spec.datatype)}
    for row in rows:
        if not isinstance(row, dict):
            raise MalformedRequest("some lines are objects and some are not")
        check_names(row, metadata.inputs)
    return {
        spec.name: from_json([row[spec.name] for row in rows], spec.name, spec.datatype)
        for spec in metadata.inputs
    }


def _line(number: int, line: bytes) -> Any:
    try:
        return json_codec.loads_exactly(line)
    except MalformedRequest as error:
        reason = error.reason.replace("the body", "it", 1)
        raise MalformedRequest(f"line {number} cannot be read: {brief(reason)}") from error


def _decode_octets(body: bytes, metadata: ModelMetadata, _: dict[str, str]) -> dict[str, Array]:
    """Return the body as the only input: raw, or the only element of a BYTES input."""
    return binary_tensors.raw_input(memoryview(body), metadata.inputs)


_DECODERS: MappingProxyType[str, Decoder] = MappingProxyType(
    {
        **dict.fromkeys(CSV_TYPES, _decode_csv),
        NPY: _decode_npy,
        **dict.fromkeys(LINE_TYPES, _decode_lines),
        OCTETS: _decode_octets,
    }
)

KNOWN = ("application/json", CSV, NPY, JSON_LINES, OCTETS, "text/plain", "image/*")
"""The supported types, for the error about another one."""
