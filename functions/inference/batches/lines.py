"""Answers and errors of rows as JSON Lines: an object for each row."""

import json
from collections.abc import Iterable, Sequence

from lading.functions.inference.batches.answering import Column, Failure
from lading.functions.inference.tensors import json_values as json_codec

ROW, FILE = "row", "file"
"""The columns before the outputs: a row's number in the input, from 0, and its file."""


def encoded_lines(
    columns: Iterable[tuple[str, Column]], *, bare_tokens: bool = False
) -> list[bytes]:
    """Return a line for each row.

    Args:
        columns: names, and a value for each row.
        bare_tokens: whether NaN and Infinity are written as such, or as null, as in the plain
            dialect.
    """
    names, values = zip(*((name, _values(column)) for name, column in columns), strict=True)
    return [
        json_codec.dumps(dict(zip(names, row, strict=True)), bare_tokens=bare_tokens) + b"\n"
        for row in zip(*values, strict=True)
    ]


def error_lines(failures: Iterable[Failure], first: int, files: Sequence[str] = ()) -> bytes:
    """Return a line for each row without an answer.

    Args:
        failures: the failures.
        first: the number of the row at place 0.
        files: the name of each row's file; empty where the input is not a folder.
    """
    lines = []
    for failure in failures:
        named = {FILE: files[failure.place]} if files else {}
        document = {ROW: first + failure.place, **named}
        document |= {"error": failure.error, "reason": failure.reason}
        lines.append(json.dumps(document).encode() + b"\n")
    return b"".join(lines)


def _values(column: Column) -> list[object]:
    if isinstance(column, list):
        return [json_codec.to_text(each) for each in column]
    text = json_codec.to_text(column)
    return text if isinstance(text, list) else [*column]
