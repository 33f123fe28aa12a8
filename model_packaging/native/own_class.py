"""A class of the user's own as a model: its folder is published as it is, and runs as code.

The served class is made from the published zip in this process, and the original from the user's
folder in another one, so a class that answers otherwise in a second process or a second place
differs from itself.
"""

import io
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from lading.functions.inference.artifact.specification import PYTHON, NativeSection
from lading.functions.inference.native.python import CLASS, module_names
from lading.functions.inference.native.requirements import REQUIREMENTS, read_requirements
from lading.functions.inference.native.runtimes import load
from lading.model_packaging.conversion import Conversion, Converter, open_once
from lading.model_packaging.errors import SourceError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import tensors_of
from lading.model_packaging.native.original import OriginalProcess
from lading.model_packaging.native.own_packages import options_of
from lading.model_packaging.placement.needs import GIGABYTE

MOST_BYTES: Final = GIGABYTE
"""Bytes of all files of a folder: the service holds them in memory when it loads the model."""
_FILE: Final = "code.zip"
_SECOND: Final = (1980, 1, 1, 0, 0, 0)
"""The time of each file in the zip: the same folder gives the same zip."""


def _keep(spec: ModelSpec) -> Conversion:
    """Return a conversion whose model is a zip of the folder.

    Raises:
        ConversionError: the class cannot be made.
        SourceError: the folder cannot be published.
    """
    assert isinstance(spec.outputs, Mapping)
    section = NativeSection(
        runtime=PYTHON,
        file=_FILE,
        options={CLASS: str(spec.class_path), **options_of(_requirements(spec))},
        inputs=tensors_of(spec.inputs),
        outputs=tensors_of(spec.outputs),
    )
    opener = partial(load, section)
    return Conversion(
        _zipped(spec), OriginalProcess(spec, PYTHON), native=section, open=open_once(opener)
    )


def files_of(spec: ModelSpec) -> tuple[Path, ...]:
    """Return the files of a folder that are published, sorted; no hidden ones, no bytecode.

    Raises:
        SourceError: the folder has links or too many bytes, hides a module of Python or of a
            package, or its requirements are not pinned.
    """
    folder = spec.source
    if not folder.is_dir():
        raise SourceError(spec.name, folder, "must be a folder with the class and its files")
    found = [path for path in sorted(folder.rglob("*")) if _published(path.relative_to(folder))]
    for path in found:
        if path.is_symlink():
            raise SourceError(spec.name, path, "is a link; put the file itself into the folder")
    files = tuple(path for path in found if path.is_file())
    size = sum(path.stat().st_size for path in files)
    if size > MOST_BYTES:
        reason = f"has {size:,} bytes, over the limit of {MOST_BYTES:,}"
        raise SourceError(spec.name, folder, reason)
    _check_names(spec)
    _check_requirements(spec)
    return files


def _published(path: Path) -> bool:
    hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
    return not hidden and path.suffix != ".pyc"


def _check_names(spec: ModelSpec) -> None:
    """Reject modules that would take the place of others in the process that serves them."""
    packages = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    for name in sorted(module_names(spec.source)):
        found = name in sys.stdlib_module_names and "Python's library"
        if not found and _is_regular(name, packages):
            found = "an installed package"
        if found:
            reason = f"has a module '{name}', which is the name of a module of {found}; rename it"
            raise SourceError(spec.name, spec.source, reason)


def _is_regular(name: str, packages: list[str]) -> bool:
    """Return whether a package of this name is installed; a mere folder is none."""
    spec = PathFinder.find_spec(name, packages)
    return spec is not None and spec.origin is not None


def _check_requirements(spec: ModelSpec) -> None:
    path = spec.source / REQUIREMENTS
    if not path.is_file():
        return
    try:
        list(read_requirements(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise SourceError(spec.name, path, f"cannot be used: {error}") from error


def _zipped(spec: ModelSpec) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for path in files_of(spec):
            name = path.relative_to(spec.source).as_posix()
            archive.writestr(zipfile.ZipInfo(name, _SECOND), path.read_bytes())
    return content.getvalue()


def _tools(spec: ModelSpec) -> dict[str, str]:
    """Return the pinned requirements, as versions of tools."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {PYTHON: python} | dict(read_requirements(_requirements(spec)))


def _requirements(spec: ModelSpec) -> str:
    path = spec.source / REQUIREMENTS
    return path.read_text(encoding="utf-8") if path.is_file() else ""


PYTHON_CLASS = Converter(
    framework=PYTHON,
    convert=_keep,
    tools=_tools,
    keys=("class", "inputs", "outputs"),
    files=files_of,
)
"""Keeps a folder with a class of the user's own."""
