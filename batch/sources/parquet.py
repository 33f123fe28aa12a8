"""Apache Parquet. pyarrow is imported when such a file is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lading.batch.arrow import library
from lading.batch.errors import InputUnusable
from lading.batch.sources.arrays import ArrayRows, check_columns
from lading.batch.sources.source import Chunk, ChunkSize, RowSource
from lading.batch.sources.stated import identity_of
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import Array


@dataclass(frozen=True, slots=True)
class ParquetRows(RowSource):
    """A Parquet file: a column for each input, or a number in each column for the only input.

    Args:
        path: the file.
    """

    path: Path

    @property
    def size(self) -> int:
        """See `RowSource.size`; in rows."""
        with self._opened() as file:
            rows: int = file.metadata.num_rows
        return rows

    def identity(self) -> str:
        """See `RowSource.identity`."""
        return identity_of([self.path])

    def check(self, metadata: ModelMetadata) -> None:
        """See `RowSource.check`."""
        with self._opened() as file:
            check_columns(str(self.path), tuple(file.schema_arrow.names), metadata)

    def chunks(self, size: ChunkSize) -> Iterator[Chunk]:
        """See `RowSource.chunks`."""
        with self._opened() as file:
            first = 0
            batches = file.iter_batches(batch_size=_step(file.metadata, size))
            for number, batch in enumerate(batches):
                columns = {
                    name: _array(batch.column(place))
                    for place, name in enumerate(batch.schema.names)
                }
                yield Chunk(number, first, ArrayRows(columns), batch.num_rows)
                first += batch.num_rows

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        parquet = library(str(self.path))
        try:
            with parquet.ParquetFile(self.path, memory_map=True) as file:
                yield file
        except (ValueError, OSError) as error:  # of pyarrow's own errors, some are one, some both
            reason = f"is not a .parquet file: {str(error).partition(chr(10))[0]}"
            raise InputUnusable(str(self.path), reason) from error


def _step(footer: Any, size: ChunkSize) -> int:
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    unpacked = sum(group.total_byte_size for group in groups)
    row_bytes = max(1, int(unpacked // max(1, footer.num_rows)))
    return max(1, min(size.rows, size.bytes // row_bytes))


def _array(column: Any) -> Array:
    """Return a column as an array: numbers as they are, lists of one length as rows of them."""
    from pyarrow import types

    kind = column.type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _nested(column)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        found: Array = column.to_numpy(zero_copy_only=False)
        return found  # null is NaN, as in a request
    return _objects(column.to_pylist())


def _nested(column: Any) -> Array:
    values = _array(column.flatten())
    if column.null_count or not len(column):
        return _objects(column.to_pylist())
    lengths = set(column.value_lengths().to_pylist()) if hasattr(column, "value_lengths") else set()
    if len(lengths) != 1:
        return _objects(column.to_pylist())
    return values.reshape(len(column), lengths.pop(), *values.shape[1:])


def _objects(values: list[Any]) -> Array:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array
