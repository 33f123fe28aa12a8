"""The formats of files of rows.

To add a format, write a module with a `FORMAT` (see `table.Format`), and add a line to `FORMATS`.
"""

from pathlib import Path

from lading.model_packaging.tables import comma, lines, npz, parquet
from lading.model_packaging.tables.table import Format, Table, Unreadable

FORMATS: tuple[Format, ...] = (comma.FORMAT, lines.FORMAT, npz.FORMAT, parquet.FORMAT)

MAX_BYTES = 1 << 30
"""The largest file that is read into memory."""


def read_table(path: Path) -> Table:
    """Return the columns of a file, by name, in its order; nothing in it is unpickled or run.

    Raises:
        Unreadable: its type is unknown, it is damaged, or it exceeds `MAX_BYTES` when unpacked.
    """
    known = {each.suffix: each for each in FORMATS}
    suffix = path.suffix.lower()
    if suffix not in known:
        raise Unreadable(f"has an unsupported format; use one of {', '.join(known)}")
    try:
        size = known[suffix].size(path)
        if size > MAX_BYTES:
            raise Unreadable(f"has {size:,} bytes, which exceeds the limit of {MAX_BYTES:,}")
        return known[suffix].read(path)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error}") from error
