"""The formats of docs/formats.md, one module each with its `ENTRIES`, found here.

To add a format, add a module.
"""

from importlib import import_module
from pkgutil import iter_modules

from benchmarks.formats.entry import Entry


def entries() -> list[Entry]:
    """Every entry, by the order of the modules' names."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name != "entry")
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return [entry for module in modules for entry in module.ENTRIES]
