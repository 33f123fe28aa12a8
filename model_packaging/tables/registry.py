"""Files of rows, one module for each format.

To add a format, add a module with a `FORMAT` that satisfies `table.Format`, and list it in
`_LISTED`.
"""

from pathlib import Path

from lading.model_packaging.tables import comma, lines, npz, parquet
from lading.model_packaging.tables.table import Format, Table, Unreadable

_LISTED: tuple[Format, ...] = (comma.FORMAT, lines.FORMAT, npz.FORMAT, parquet.FORMAT)

MAX_BYTES = 1 << 30
"""What is read into memory of one file."""


def formats() -> dict[str, Format]:
    """Every format, by the suffix of its files."""
    return {each.suffix: each for each in _LISTED}


def read_table(path: Path) -> Table:
    """The columns of a file, by name, in its order; nothing in it is unpickled or run.

    Raises:
        Unreadable: of an unknown type, damaged, or over `MAX_BYTES` once unpacked.
    """
    known = formats()
    if path.suffix not in known:
        raise Unreadable(f"is none of the formats that are read: {', '.join(known)}")
    try:
        size = known[path.suffix].size(path)
        if size > MAX_BYTES:
            raise Unreadable(f"holds {size:,} bytes, over the {MAX_BYTES:,} that are read")
        return known[path.suffix].read(path)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error}") from error
