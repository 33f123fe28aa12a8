"""The packages of a class of the user's own: what its artifact says of them.

The options of its section `native`:
    requirements: the lines of its `requirements.txt`, each with its hashes.
    packages_bytes: what these packages take where the model was packaged.
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, PackagePath, files
from pathlib import Path
from typing import Any, Final

from lading.functions.inference.artifact.specification import NativeSection
from lading.functions.inference.native.requirements import read_requirements, requirement_lines

_REQUIREMENTS: Final = "requirements"
_BYTES: Final = "packages_bytes"
_IN_EVERY_FUNCTION: Final = frozenset({"numpy", "onnxruntime"})
_NOT_IN_LAYERS: Final = frozenset({"__pycache__", "tests"})


def options_of(text: str) -> dict[str, Any]:
    """Return the options for the text of a `requirements.txt`; none without requirements.

    The size is an estimate of the layer, which is built for Lambda's Python when the model is
    deployed. What every function has already does not count.
    """
    lines = list(requirement_lines(text))
    if not lines:
        return {}
    names = {each.name.lower() for each in read_requirements(text)} - _IN_EVERY_FUNCTION
    size = sum(path.stat().st_size for name in sorted(names) for path in _installed(name))
    return {_REQUIREMENTS: lines, _BYTES: size}


def _installed(name: str) -> Iterator[Path]:
    try:
        found: list[PackagePath] = files(name) or []
    except PackageNotFoundError:  # the class then says so
        return
    for each in found:
        path = Path(str(each.locate()))
        if not _NOT_IN_LAYERS.intersection(each.parts) and path.is_file():
            yield path


def requirements_of(section: NativeSection | None) -> tuple[str, ...]:
    """Return the requirements of an artifact's model, as lines; none for any other model."""
    found = section.options.get(_REQUIREMENTS, ()) if section and section.runs_code else ()
    return tuple(map(str, found))


def packages_bytes(section: NativeSection | None) -> int:
    """Return the estimated bytes of the layer of its packages; 0 for any other model."""
    return int(section.options.get(_BYTES, 0)) if section and section.runs_code else 0
