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
    """The converter for a file.

    Args:
        name: the model's name, for errors.
        source: the trained model's file, of which only the suffix is looked at, or its folder.
        framework: the manifest's word; None leaves it to the suffix.

    Raises:
        FrameworkUnknown: no converter takes it.
    """
    for converter in converters():
        if framework in (None, converter.framework) and _takes(converter, source):
            return converter
    known = (
        f"{each.framework} ({', '.join((*each.suffixes, *each.contents))})" for each in converters()
    )
    raise FrameworkUnknown(name, source, framework, known)


def _takes(converter: Converter, source: Path) -> bool:
    if source.is_dir():
        return any((source / name).is_file() for name in converter.contents)
    return source.suffix in converter.suffixes
