"""NumPy's archives of arrays: an array for each input, read some rows at a time.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np

from lading.batch.errors import InputUnusable
from lading.batch.sources.arrays import ArrayRows, check_columns
from lading.batch.sources.source import Chunk, ChunkSize, RowSource
from lading.batch.sources.stated import identity_of
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import Array

_KINDS = "biufSU"
_SUFFIX = ".npy"


class _Header(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def row_bytes(self) -> int:
        return prod(self.shape[1:]) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class ArchiveFile(RowSource):
    """An npz file; arrays of objects are refused, because reading them runs code.

    Args:
        path: the file.
    """

    path: Path

    @property
    def size(self) -> int:
        """See `RowSource.size`; in rows."""
        return next(iter(self._headers().values())).shape[0]

    def identity(self) -> str:
        """See `RowSource.identity`."""
        return identity_of([self.path])

    def check(self, metadata: ModelMetadata) -> None:
        """See `RowSource.check`."""
        check_columns(str(self.path), tuple(self._headers()), metadata)

    def chunks(self, size: ChunkSize) -> Iterator[Chunk]:
        """See `RowSource.chunks`."""
        headers = self._headers()
        row_bytes = max(1, sum(header.row_bytes for header in headers.values()))
        step = max(1, min(size.rows, size.bytes // row_bytes))
        count = next(iter(headers.values())).shape[0]
        with self._explained(), ZipFile(self.path) as archive, ExitStack() as stack:
            members = {name: stack.enter_context(archive.open(name + _SUFFIX)) for name in headers}
            for member in members.values():
                _read_header(member)
            for number, first in enumerate(range(0, count, step)):
                rows = min(step, count - first)
                read = {name: _rows(members[name], each, rows) for name, each in headers.items()}
                yield Chunk(number, first, ArrayRows(read), rows)

    def _headers(self) -> dict[str, _Header]:
        with self._explained(), ZipFile(self.path) as archive:
            names = [name for name in archive.namelist() if name.endswith(_SUFFIX)]
            headers = {}
            for name in names:
                with archive.open(name) as member:
                    headers[name.removesuffix(_SUFFIX)] = _read_header(member)
        counts = {header.shape[0] for header in headers.values()}
        if len(counts) != 1:
            found = ", ".join(f"{name} {list(each.shape)}" for name, each in headers.items())
            raise InputUnusable(
                str(self.path),
                f"its arrays must have the same number of rows; it has {found or 'none'}",
            )
        return headers

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, EOFError, OSError, BadZipFile, zlib.error) as error:
            reason = f"is not an .npz file of plain arrays: {error}"
            raise InputUnusable(str(self.path), reason) from error


def _read_header(member: IO[bytes]) -> _Header:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0
    if version == (2, 0):
        read = np.lib.format.read_array_header_2_0
    shape, column_major, dtype = read(member)
    if dtype.kind not in _KINDS or not shape or (column_major and len(shape) > 1):
        raise ValueError(f"an array of {dtype}, shape {shape}, cannot be read row by row")
    return _Header(shape, dtype)


def _rows(member: IO[bytes], header: _Header, count: int) -> Array:
    content = member.read(count * header.row_bytes)
    if len(content) != count * header.row_bytes:
        raise EOFError("it ends within a row")
    array = np.frombuffer(content, header.dtype).reshape(count, *header.shape[1:])
    return array.astype(header.dtype.newbyteorder("="), copy=False)
