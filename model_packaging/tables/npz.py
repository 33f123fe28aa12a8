"""NumPy's archives of arrays; pickled arrays are rejected."""

import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from lading.model_packaging.tables.table import Format, Table, Unreadable


def _size(path: Path) -> int:
    """Return what the archive unpacks to."""
    try:
        with ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (BadZipFile, ValueError) as error:
        raise _damaged(error) from error


def _read(path: Path) -> Table:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, AttributeError, TypeError, BadZipFile, zlib.error) as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> Unreadable:
    return Unreadable(f"is not an .npz file of plain arrays: {error}")


FORMAT = Format(".npz", _size, _read)
