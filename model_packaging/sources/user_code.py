"""The user's code that the manifest names as `module:Name`."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lading.model_packaging.errors import ManifestError, likely
from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.local_imports import local_imports


def load_class(spec: ModelSpec) -> Any:
    """Return the class or other callable that `class` names; its module is run again.

    Raises:
        ManifestError: the module fails, or has no such name.
    """
    module, _, name = str(spec.class_path).partition(":")
    path = spec.class_file()
    with _importable(spec.manifest.parent):
        try:
            with library_errors():
                names = vars(_run(module, path))
        except LibraryFailed as error:
            reason = f"{path} cannot be run: {error.__cause__!r}"
            raise ManifestError(spec.place("class"), reason) from error
    if not callable(names.get(name)):
        public = [each for each in names if not each.startswith("_")]
        reason = f"{path} has no class '{name}'"
        raise ManifestError(spec.place("class"), reason, likely(name, public))
    return names[name]


def imported_files(spec: ModelSpec) -> tuple[Path, ...]:
    """Return the files beside the manifest that the code of `class` imports."""
    if spec.class_path is None or spec.runs_code:
        return ()
    module = spec.class_path.partition(":")[0]
    return tuple(local_imports(spec.manifest.parent, module).values())


def _run(module: str, path: Path) -> Any:
    found = importlib.util.spec_from_file_location(module, path)
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    sys.modules[module] = loaded  # dataclasses and the like look there
    found.loader.exec_module(loaded)
    return loaded


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules import others in this folder."""
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))
