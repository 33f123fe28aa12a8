"""Apache Parquet. Only this module imports pyarrow, and only when it reads such a file."""

from datetime import date, time
from pathlib import Path
from types import ModuleType
from typing import Any

from lading.model_packaging.tables.table import Format, Table, Unreadable


def _size(path: Path) -> int:
    """Return the size of its unpacked pages, from its footer."""
    reader = _library()
    try:
        footer = reader.ParquetFile(path).metadata
    except (ValueError, OSError) as error:  # of pyarrow's own errors, some are one, some both
        raise _damaged(error) from error
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    return sum(group.total_byte_size for group in groups)


def _read(path: Path) -> Table:
    reader = _library()
    try:
        table = reader.read_table(path)
    except (ValueError, OSError) as error:
        raise _damaged(error) from error
    return {name: _plain(table.column(name).to_pylist()) for name in table.column_names}


def _plain(values: list[Any]) -> list[Any]:
    """Return dates and times as texts, as CSV has them."""
    return [str(value) if isinstance(value, date | time) else value for value in values]


def _library() -> ModuleType:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise Unreadable("needs pyarrow; install it with: pip install pyarrow") from error
    library: ModuleType = parquet
    return library


def _damaged(error: Exception) -> Unreadable:
    return Unreadable(f"is not a .parquet file: {str(error).partition(chr(10))[0]}")


FORMAT = Format(".parquet", _size, _read)
