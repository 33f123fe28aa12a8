"""Apache Parquet: a column for each output; vectors are lists, texts are strings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lading.batch.arrow import library
from lading.batch.errors import OutputUnusable
from lading.batch.outputs.part import AnsweredRows, OutputFormat
from lading.functions.inference.batches.answering import Column
from lading.functions.inference.batches.lines import ROW
from lading.functions.inference.tensors.conversion import Array


class ParquetAnswers(OutputFormat):
    """Answers as Parquet: a row group for each chunk."""

    def write(self, part: AnsweredRows, path: Path) -> None:
        """See `OutputFormat.write`."""
        import pyarrow as pa

        try:
            columns = {name: _column(column) for name, column in part.columns()}
        except UnicodeDecodeError as error:
            reason = "an output holds bytes that are not text; write .jsonl"
            raise OutputUnusable(str(path), reason) from error
        library(str(path)).write_table(pa.table(columns), path)

    def assemble(self, parts: Sequence[Path], target: Path, outputs: Sequence[str]) -> None:  # noqa: ARG002
        """See `OutputFormat.assemble`."""
        import pyarrow as pa

        parquet = library(str(target))
        if not parts:
            parquet.write_table(pa.table({ROW: pa.array([], pa.int64())}), target)
            return
        schema = parquet.read_schema(parts[0])
        with parquet.ParquetWriter(target, schema) as whole:
            for each in parts:
                table = parquet.read_table(each, memory_map=True)
                if table.schema != schema:
                    reason = f"the answers differ in type: {table.schema} after {schema}"
                    raise OutputUnusable(str(target), " ".join(reason.split()))
                whole.write_table(table)


def _column(column: Column) -> Any:
    import pyarrow as pa

    if isinstance(column, list):
        return pa.array([_plain(row).tolist() for row in column])
    array = _plain(column)
    if array.dtype.kind == "O" or array.ndim == 0:
        return pa.array(array.tolist())
    values = pa.array(np.ascontiguousarray(array).ravel())
    for size in reversed(array.shape[1:]):
        values = _lists(values, size)
    return values


def _lists(values: Any, size: int) -> Any:
    """Return lists of `size` values each; not of a fixed size, which some readers lack."""
    import pyarrow as pa

    count = len(values) // size if size else 0
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * size)
    return pa.ListArray.from_arrays(offsets, values)


def _plain(array: Array) -> Array:
    """Return an array whose bytes are texts."""
    plain = np.asarray(array)
    if plain.dtype.kind != "O":
        return plain
    texts = np.empty(plain.shape, np.object_)
    texts.flat[:] = [item.decode() for item in plain.flat]
    return texts
