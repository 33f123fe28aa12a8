"""One module per framework, found here by the file's type.

To add a framework, add a module with a `CONVERTER` that satisfies `conversion.Converter`.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from model_packaging.conversion import Converter
from model_packaging.errors import FrameworkUnknown


@cache
def converters() -> tuple[Converter, ...]:
    """The converter of each module in this package."""
    names = sorted(module.name for module in iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{name}").CONVERTER for name in names)


def find_converter(name: str, source: Path, framework: str | None = None) -> Converter:
    """The converter for a file or folder.

    Args:
        name: the model's name, for errors.
        source: the trained model's file, of which only the suffix is read, or its folder.
        framework: what the manifest says; a file may then have any suffix. None leaves it to the
            suffix.

    Raises:
        FrameworkUnknown: no converter takes it.
    """
    for converter in converters():
        if framework is None and _takes(converter, source):
            return converter
        if framework == converter.framework and _may_read(converter, source):
            return converter
    known = (
        f"{each.framework} ({', '.join((*each.suffixes, *each.contents))})" for each in converters()
    )
    raise FrameworkUnknown(name, source, framework, known)


def _takes(converter: Converter, source: Path) -> bool:
    if source.is_dir():
        return any(any(source.glob(pattern)) for pattern in converter.contents)
    return source.suffix.lower() in converter.suffixes


def _may_read(converter: Converter, source: Path) -> bool:
    """Whether a framework that the manifest names has such sources: any file, or such a folder."""
    return _takes(converter, source) if source.is_dir() else bool(converter.suffixes)
