"""The formats that a batch reads.

To add a format, write a module with a `RowSource`, and add a line to `FORMATS`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from lading.batch.errors import InputUnusable
from lading.batch.sources.folder import FolderOfFiles
from lading.batch.sources.npz import ArchiveFile
from lading.batch.sources.parquet import ParquetRows
from lading.batch.sources.source import RowSource
from lading.batch.sources.text import CommaFile, LinesFile

FORMATS: Mapping[str, Callable[[Path], RowSource]] = MappingProxyType(
    {
        ".csv": CommaFile,
        ".jsonl": LinesFile,
        ".ndjson": LinesFile,
        ".npz": ArchiveFile,
        ".parquet": ParquetRows,
    }
)


def open_source(path: Path) -> RowSource:
    """Return the rows of a file or a folder.

    Raises:
        InputUnusable: it is not there, or its type is not supported.
    """
    if path.is_dir():
        return FolderOfFiles(path)
    if not path.is_file():
        raise InputUnusable(str(path), "there is no such file or folder")
    if path.suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise InputUnusable(
            str(path), f"has an unsupported format; use {known}, or a folder of files"
        )
    return FORMATS[path.suffix](path)
