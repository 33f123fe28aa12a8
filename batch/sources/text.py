"""Files of text: CSV with a header line, and JSON Lines. Their lines are decoded in the workers."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lading.batch.errors import InputUnusable
from lading.batch.sources.source import Chunk, ChunkSize, RowSource
from lading.batch.sources.stated import identity_of
from lading.functions.inference.batches.comma import LONGEST_ROW, read_row
from lading.functions.inference.batches.rows import CommaRows, JsonRows, Rows
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import BYTES

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LinesFile(RowSource):
    """A file of JSON Lines.

    Args:
        path: the file.
    """

    path: Path

    @property
    def size(self) -> int:
        """See `RowSource.size`; in bytes."""
        return self.path.stat().st_size

    def identity(self) -> str:
        """See `RowSource.identity`."""
        return identity_of([self.path])

    def check(self, metadata: ModelMetadata) -> None:
        """Each line says for itself which columns it has."""

    def chunks(self, size: ChunkSize) -> Iterator[Chunk]:
        """See `RowSource.chunks`."""
        with self.path.open("rb") as file:
            yield from _chunks(self.path, file, _line, JsonRows, size)


@dataclass(frozen=True, slots=True)
class CommaFile(RowSource):
    """A file of CSV, whose first line names the columns (RFC 4180).

    Args:
        path: the file.
    """

    path: Path

    @property
    def size(self) -> int:
        """See `RowSource.size`; in bytes."""
        return self.path.stat().st_size

    def identity(self) -> str:
        """See `RowSource.identity`."""
        return identity_of([self.path])

    def check(self, metadata: ModelMetadata) -> None:
        """See `RowSource.check`."""
        with self.path.open("rb") as file:
            header = self._header(file)
        try:
            names = next(csv.reader([header.decode()], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputUnusable(str(self.path), f"has a header that is not CSV: {error}") from error
        if len(metadata.inputs) > 1:
            _require_names(self.path, names, metadata)
        elif metadata.inputs and metadata.inputs[0].datatype != BYTES:
            _require_width(self.path, names, metadata.inputs[0].shape)

    def chunks(self, size: ChunkSize) -> Iterator[Chunk]:
        """See `RowSource.chunks`."""
        with self.path.open("rb") as file:
            header = self._header(file)
            yield from _chunks(self.path, file, read_row, partial(CommaRows, header), size)

    def _header(self, file: BinaryIO) -> bytes:
        header = file.readline(LONGEST_ROW).removeprefix(_BOM).rstrip(b"\r\n")
        if not header.strip():
            raise InputUnusable(str(self.path), "is empty; its first line must name the columns")
        return header


def _require_names(path: Path, names: Sequence[str], metadata: ModelMetadata) -> None:
    wanted = [spec.name for spec in metadata.inputs]
    if sorted(names) != sorted(wanted):
        reason = f"has the columns {', '.join(names)}; the model requires {', '.join(wanted)}"
        raise InputUnusable(str(path), reason)


def _require_width(path: Path, names: Sequence[str], shape: Sequence[int]) -> None:
    wanted = shape[1] if len(shape) == 2 else 1 if len(shape) == 1 else -1  # noqa: PLR2004
    if wanted not in (-1, len(names)):
        reason = f"has {len(names)} columns; the model requires {wanted} numbers a row"
        raise InputUnusable(str(path), reason)


Read = Callable[[BinaryIO], bytes]
"""Returns the next row, with the end of its line; empty at the end of the file."""


def _line(file: BinaryIO) -> bytes:
    return file.readline(LONGEST_ROW + 1)


def _chunks(
    path: Path, file: BinaryIO, read: Read, make: Callable[[Sequence[bytes]], Rows], size: ChunkSize
) -> Iterator[Chunk]:
    number = first = length = 0
    lines: list[bytes] = []
    begin = position = file.tell()
    while row := read(file):
        if len(row) > LONGEST_ROW:
            where = f"row {first + len(lines)}"
            raise InputUnusable(str(path), f"{where} is longer than {LONGEST_ROW >> 20} MB")
        stripped = (row if position else row.removeprefix(_BOM)).strip(b"\r\n")
        if lines and (len(lines) == size.rows or length + len(stripped) > size.bytes):
            yield Chunk(number, first, make(lines), position - begin)
            number, first, lines, length = number + 1, first + len(lines), [], 0
            begin = position
        position += len(row)
        if stripped.strip():
            lines.append(stripped)
            length += len(stripped)
    if lines:
        yield Chunk(number, first, make(lines), position - begin)
