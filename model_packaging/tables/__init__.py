"""Files of rows, one module per format, found here by the file's type.

To add a format, add a module with a `FORMAT` that satisfies `table.Format`.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from model_packaging.tables.table import Format, Table, Unreadable

_SHARED = "table"

MAX_BYTES = 1 << 30
"""What is read into memory of one file."""


@cache
def formats() -> dict[str, Format]:
    """Every format, by the suffix of its files."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name != _SHARED)
    found = [import_module(f"{__name__}.{name}").FORMAT for name in names]
    return {each.suffix: each for each in found}


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
