"""Answers in CSV, npy and JSON Lines, chosen by the request's Accept header."""

import csv
import io
from collections.abc import Sequence
from math import prod
from typing import Any, Final

import numpy as np

from lading.functions.contract.errors import InvalidOutput, NotAcceptable
from lading.functions.inference.dialects.tensorflow_values import have_rows
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.json_values import to_lists, to_text
from lading.functions.inference.wire.media_requests import (
    CSV,
    CSV_TYPES,
    JSON_LINES,
    LINE_TYPES,
    NPY,
    split_type,
)

JSON: Final = "application/json"

_MATRIX = 2
_MOST_CHOICES = 64


_KNOWN = (JSON, CSV, NPY, JSON_LINES)
"""The usual names of the supported types, for the error when none is accepted."""
_OFFERED = (JSON, *CSV_TYPES, NPY, *LINE_TYPES)


def choose(accept: str, offered: Sequence[str] = _OFFERED) -> str:
    """Return the content type that an Accept header prefers; the first one for an empty header.

    Raises:
        NotAcceptable: it accepts none of them.
    """
    best, quality = "", 0.0
    for choice in accept.split(",")[:_MOST_CHOICES]:
        essence, parameters = split_type(choice)
        kind = essence.removesuffix("*")
        wish = _quality(parameters.get("q", "1"))
        for name in offered:
            whole_kind = essence.endswith("/*") and name.startswith(kind)
            if (essence in (name, "*/*", "") or whole_kind) and wish > quality:
                best, quality = name, wish
    if not best:
        raise NotAcceptable(accept, _KNOWN if offered is _OFFERED else offered)
    return best


def _quality(text: str) -> float:
    try:
        return max(0.0, min(1.0, float(text)))
    except ValueError:
        return 0.0


def encode(content_type: str, outputs: dict[str, Array]) -> bytes:
    """Return the outputs as a body of a type that `choose` returned, except JSON.

    Raises:
        InvalidOutput: such a body cannot hold them.
    """
    if content_type in CSV_TYPES:
        return _csv(outputs)
    return _npy(outputs) if content_type == NPY else _lines(outputs)


def _csv(outputs: dict[str, Array]) -> bytes:
    """Return one line for each row; the outputs' columns side by side, without a header."""
    _check_rows(outputs)
    columns: list[Any] = []
    for name, array in outputs.items():
        if array.ndim not in (1, _MATRIX):
            reason = (
                f"has shape {list(array.shape)}, but CSV has only rows and columns; accept JSON"
            )
            raise InvalidOutput(name, reason)
        table = array.reshape(len(array), prod(array.shape[1:]))
        columns += zip(*to_lists(to_text(table)), strict=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _lines(outputs: dict[str, Array]) -> bytes:
    """Return one line for each row: the value of the only output, or an object by output."""
    _check_rows(outputs)
    columns = {name: to_lists(to_text(array)) for name, array in outputs.items()}
    rows: list[Any] = [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]
    if len(columns) == 1:
        (rows,) = columns.values()
    return b"".join(json_codec.dumps(row, bare_tokens=False) + b"\n" for row in rows)


def _check_rows(outputs: dict[str, Array]) -> None:
    """Check that all outputs have the same number of rows."""
    if not have_rows(outputs):
        name = next(iter(outputs))
        raise InvalidOutput(name, "and the others have different numbers of rows; accept JSON")


def _npy(outputs: dict[str, Array]) -> bytes:
    if len(outputs) != 1:
        name = next(iter(outputs))
        raise InvalidOutput(
            name, "is not the only one, but a .npy file holds one array; accept JSON"
        )
    (array,) = outputs.values()
    if array.dtype == np.object_:
        texts = [bytes(item) for item in array.flat]
        array = np.array(texts, np.bytes_).reshape(array.shape)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()
