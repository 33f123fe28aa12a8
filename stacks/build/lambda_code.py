"""The code that every function runs: the runtime layer and our own functions.

The hash of each folder is known at once; a folder is built when a deployed stack needs it:

- the runtime layer: locked requirements for the target -> wheels -> trimmed -> compiled
- a layer for each library of processing steps, and of models that are not converted, built the same
  way, for models that need it
- a layer with the packages of a class of the user's own, which its `requirements.txt` pins
- the function code: the sources of `functions/`, with compiled files beside them
- the code of the function of pages, with their files

Then the built code answers requests, and imports all that a handler can reach, if this machine can
run it. The build needs no Docker, and nothing of this machine goes into a hash.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from lading.functions.contract.names import Library
from lading.stacks.build.bytecode import compile_folder
from lading.stacks.build.cache import CachedFolder
from lading.stacks.build.first_request import answer_first_request
from lading.stacks.build.interpreters import find_python
from lading.stacks.build.openmp import NEEDED_BY, keep_openmp
from lading.stacks.build.own_packages import install, lacking
from lading.stacks.build.reachable import import_all
from lading.stacks.build.requirements import locked_requirements
from lading.stacks.build.trimming import (
    UNUSED_FOLDERS,
    UNUSED_PATHS,
    UNUSED_SUFFIXES,
    WHOLE,
    is_kept,
)
from lading.stacks.build.wheels import install_wheels
from lading.stacks.stages.target import Target

BUILDER = 1
"""Raise it when the same inputs produce other folders; the tables of `trimming` count by
themselves."""

CACHE = Path(".lading", "build")

_LAYER_PREFIX, _FUNCTION_PREFIX = "/opt", "/var/task"
"""Where Lambda unpacks a layer and a function."""

_SOURCES = frozenset({".py", ".sh"})
_NAMESPACE = "lading"
_PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Folders:
    """The built code.

    Args:
        layer: the runtime layer, with `python/` in it.
        functions: the function code, with `lading/functions/` in it.
    """

    layer: Path
    functions: Path


class LambdaCode:
    """The Lambda code, for one target.

    Args:
        source: folder of `functions/` and `requirements/`: a checkout, or the installed package.
        target: what the code is built for.
        project: folder in whose cache it is built; by default the source.
    """

    def __init__(self, source: Path, target: Target, project: Path | None = None) -> None:
        self.source, self.project = source, project or source
        self._target, self._cache = target, self.project / CACHE

    def layer(self) -> CachedFolder:
        """Return the runtime layer.

        Raises:
            RequirementsUnusable: the lock of requirements cannot be used.
        """
        return self._layer("layer", "lambda")

    def processing(self, library: Library) -> CachedFolder:
        """Return the layer of models that need a library.

        Raises:
            RequirementsUnusable: the lock of requirements cannot be used.
        """
        return self._layer("processing", library)

    def _layer(self, kind: str, requirements_set: str) -> CachedFolder:
        path = self.source / "requirements" / f"{requirements_set}.txt"
        requirements = locked_requirements(path, self._target)

        def write(folder: Path) -> None:
            python = self._python  # before anything is downloaded
            keep = partial(is_kept, whole=WHOLE.get(requirements_set, ""))
            install_wheels(requirements, self._target, folder / "python", keep)
            if requirements_set in NEEDED_BY:
                keep_openmp(folder)
            compile_folder(python, folder, _LAYER_PREFIX, keep_sources=False)

        tables = [sorted(UNUSED_PATHS), sorted(UNUSED_FOLDERS), sorted(UNUSED_SUFFIXES)]
        locked = [str(requirement) for requirement in requirements]
        return self._cached(write, kind, self._target.tag, locked, tables)

    def packages(
        self, model: str, requirements: Collection[str], libraries: Collection[Library] = ()
    ) -> CachedFolder | None:
        """Return the layer with the packages of a class of the user's own; None: it needs none.

        Args:
            model: name of the model, for errors.
            requirements: lines of its `requirements.txt`.
            libraries: the layers of libraries that its function has.

        Raises:
            PackagesUnusable: a package cannot be beside those of the service.
            RequirementsUnusable: a lock of requirements cannot be used.
        """
        folder, target = self.source / "requirements", self._target
        files = [folder / f"{each}.txt" for each in ("lambda", *libraries)]
        present = [each for file in files for each in locked_requirements(file, target)]
        wanted = lacking(model, requirements, present)

        def write(folder: Path) -> None:
            python = self._python  # before anything is downloaded
            install(model, wanted, present, target, folder / "python")
            # Packages may read their own sources, so these stay beside the compiled files.
            compile_folder(python, folder, _LAYER_PREFIX, keep_sources=True)

        locked = [[str(each) for each in side] for side in (wanted, present)]
        return self._cached(write, "packages", target.tag, locked) if wanted else None

    def functions(self) -> CachedFolder:
        """Return the code of all functions but that of the pages."""
        return self._code("functions", dict(self._sources()))

    def pages(self) -> CachedFolder:
        """Return the code of the function of pages, with their files."""
        return self._code("pages", dict(self._page_sources()))

    def _code(self, kind: str, sources: Mapping[str, bytes]) -> CachedFolder:
        def write(folder: Path) -> None:
            for name, content in sources.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            compile_folder(self._python, folder, _FUNCTION_PREFIX, keep_sources=True)

        digests = {name: hashlib.sha256(content).hexdigest() for name, content in sources.items()}
        return self._cached(write, kind, digests)

    def build(self) -> Folders:
        """Return both folders, built now unless they are in the cache.

        Raises:
            BuildError: they cannot be built, or do not answer a request.
        """
        layer, functions = self.layer().folder(), self.functions().folder()

        def check() -> None:
            answer_first_request(self._python, layer / "python", functions)
            import_all(self._python, [layer / "python"], functions)

        self._check_once(check, layer, functions)
        return Folders(layer, functions)

    def build_processing(self, library: Library, layer: CachedFolder) -> Path:
        """Return the folder of a library's layer, built now unless it is in the cache.

        Raises:
            BuildError: it cannot be built, or lacks what needs it.
        """
        folder, code = layer.folder(), self.build()
        layers = [folder / "python", code.layer / "python"]

        def check() -> None:
            import_all(self._python, layers, code.functions, library)

        self._check_once(check, folder, code.layer, code.functions)
        return folder

    def _check_once(self, check: Callable[[], None], *folders: Path) -> None:
        """Check folders of this content unless that was done, or cannot be done here."""
        name = "-".join(folder.name[:32] for folder in folders)
        answered = self._cache / f"{name}.answered"
        if self._target.runs_here and not answered.exists():
            check()
            answered.touch()

    @cached_property
    def _python(self) -> Path:
        return find_python(self._target.python)

    def _sources(self) -> Iterator[tuple[str, bytes]]:
        """Yield each source file's path in the function's folder, and its content."""
        yield self._namespace()
        for path in sorted((self.source / "functions").rglob("*")):
            name = path.relative_to(self.source)
            left_out = UNUSED_FOLDERS.intersection(name.parts) or name.parts[1] == _PAGES
            if path.suffix in _SOURCES and not left_out:
                yield f"{_NAMESPACE}/{name.as_posix()}", path.read_bytes()

    def _page_sources(self) -> Iterator[tuple[str, bytes]]:
        """Yield what the function of pages needs: its entry, the files, and where they are."""
        yield self._namespace()
        functions = self.source / "functions"
        modules = ("__init__.py", "files.py", "lambda_handler.py")
        assets = sorted((functions / _PAGES / "assets").iterdir())
        for path in (
            functions / "__init__.py",
            *(functions / _PAGES / it for it in modules),
            *assets,
        ):
            yield f"{_NAMESPACE}/{path.relative_to(self.source).as_posix()}", path.read_bytes()

    def _namespace(self) -> tuple[str, bytes]:
        own = self.source / _NAMESPACE  # a checkout; the package is the namespace itself
        namespace = own if own.is_dir() else self.source
        return f"{_NAMESPACE}/__init__.py", (namespace / "__init__.py").read_bytes()

    def _cached(self, write: Callable[[Path], None], *inputs: Any) -> CachedFolder:
        document = json.dumps([BUILDER, self._target.python, *inputs])
        return CachedFolder(self._cache, hashlib.sha256(document.encode()).hexdigest(), write)
