"""Rows of CSV in a file (RFC 4180): one has several lines where a quoted cell does."""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

LONGEST_ROW: Final = 64 << 20
"""Bytes."""
_QUOTE = b'"'


def read_row(file: BinaryIO) -> bytes:
    """Return the next row, with the end of its line; empty at the end of the file.

    A row of more than `LONGEST_ROW` bytes is not read to its end.
    """
    line = file.readline(LONGEST_ROW + 1)
    if line.count(_QUOTE) % 2 == 0:
        return line
    parts, length = [line], len(line)
    while length <= LONGEST_ROW and (line := file.readline(LONGEST_ROW + 1)):
        parts.append(line)
        length += len(line)
        if line.count(_QUOTE) % 2:
            break
    return b"".join(parts)


def rows_of(content: bytes) -> Iterator[bytes]:
    """Yield the rows of a text without the ends of their lines; blank ones are left out."""
    file = BytesIO(content)
    while row := read_row(file):
        if row.strip():
            yield row.strip(b"\r\n")
