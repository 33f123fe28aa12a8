"""NumPy's archives of arrays; pickled ones are refused."""

import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from lading.model_packaging.tables.table import Table, Unreadable


class Npz:
    """See `table.Format`."""

    suffix = ".npz"

    def size(self, path: Path) -> int:
        """See `Format.size`: what the archive unpacks to."""
        try:
            with ZipFile(path) as archive:
                return sum(member.file_size for member in archive.infolist())
        except (BadZipFile, ValueError) as error:
            raise _damaged(error) from error

    def read(self, path: Path) -> Table:
        """See `Format.read`."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (ValueError, EOFError, AttributeError, TypeError, BadZipFile, zlib.error) as error:
            raise _damaged(error) from error


def _damaged(error: Exception) -> Unreadable:
    return Unreadable(f"is no .npz file of plain arrays: {error}")


FORMAT = Npz()
