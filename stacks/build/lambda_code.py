"""The code that every function runs: the runtime layer and our own functions.

For each, a hash is known at once, and a folder is built when a stack that needs it is deployed:

- the runtime layer: locked requirements for the target -> wheels -> trimmed -> compiled
- a layer for each library of processing steps likewise, for models with such steps alone
- the function code: the sources of `functions/` -> compiled beside their sources

Then one request is answered with what was built, if this machine can run it. Nothing here needs
Docker, and nothing of this machine goes into the hash.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.functions.contract.names import Library
from lading.stacks.build.bytecode import Compiler, native_compiler, webassembly_compiler
from lading.stacks.build.cache import CachedFolder
from lading.stacks.build.first_request import answer_first_request
from lading.stacks.build.interpreters import find_python
from lading.stacks.build.requirements import locked_requirements
from lading.stacks.build.trimming import UNUSED_FOLDERS, UNUSED_PATHS, UNUSED_SUFFIXES
from lading.stacks.build.wheels import install_wheels
from lading.stacks.stages.target import Target

BUILDER = 1
"""Raise it when the same inputs give other folders; the tables of `trimming` count by themselves.
"""

CACHE = Path(".lading", "build")

_LAYER_PREFIX, _FUNCTION_PREFIX = "/opt", "/var/task"
"""Where Lambda unpacks the two."""

_SOURCES = frozenset({".py", ".sh"})
_NAMESPACE = "lading"


@dataclass(frozen=True, slots=True)
class Folders:
    """What was built.

    Args:
        layer: the runtime layer, with `python/` in it.
        functions: the function code, with `lading/functions/` in it.
        tried: whether this machine could run it, and did.
    """

    layer: Path
    functions: Path
    tried: bool


@dataclass(frozen=True, slots=True)
class LambdaCode:
    """The Lambda code of a checkout, for one target.

    Args:
        project: the checkout's root.
        target: what it is built for.
        python: an interpreter of the target's version; looked for when None.
    """

    project: Path
    target: Target
    python: Path | None = None

    def layer(self) -> CachedFolder:
        """The runtime layer.

        Raises:
            RequirementsUnusable: the lock does not say what to install.
        """
        return self._layer("layer", "lambda")

    def processing(self, library: Library) -> CachedFolder:
        """The layer of models with processing steps that need a library.

        Raises:
            RequirementsUnusable: the lock does not say what to install.
        """
        return self._layer("processing", library)

    def _layer(self, kind: str, requirements_set: str) -> CachedFolder:
        path = self.project / "requirements" / f"{requirements_set}.txt"
        requirements = locked_requirements(path, self.target)

        def write(folder: Path) -> None:
            install_wheels(requirements, self.target, folder / "python")
            self._compiler().compile(folder, _LAYER_PREFIX, "instead")

        tables = [sorted(UNUSED_PATHS), sorted(UNUSED_FOLDERS), sorted(UNUSED_SUFFIXES)]
        locked = [str(requirement) for requirement in requirements]
        return CachedFolder(self._hash(kind, self.target.tag, locked, tables), write)

    def functions(self) -> CachedFolder:
        """The code of all functions."""
        sources = dict(self._sources())

        def write(folder: Path) -> None:
            for name, content in sources.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            self._compiler().compile(folder, _FUNCTION_PREFIX, "beside")

        digests = {name: hashlib.sha256(content).hexdigest() for name, content in sources.items()}
        return CachedFolder(self._hash("functions", digests), write)

    def build(self) -> Folders:
        """Both folders, made now as far as they are not in the cache.

        Raises:
            BuildError: they cannot be built, or do not answer a request.
        """
        layer, functions = (build.folder(self._cache) for build in (self.layer(), self.functions()))
        return Folders(layer, functions, tried=self._try(layer, functions))

    def build_processing(self, library: Library) -> Path:
        """The folder of a library's layer, made now unless it is in the cache.

        Raises:
            BuildError: it cannot be built.
        """
        return self.processing(library).folder(self._cache)

    def _try(self, layer: Path, functions: Path) -> bool:
        """Answer a request, once per pair of builds."""
        answered = self._cache / f"{layer.name[:32]}-{functions.name[:32]}.answered"
        if answered.exists():
            return True
        python = find_python(self.target.python, self.python) if self.target.runs_here else None
        if python is None:
            return False
        answer_first_request(python, layer / "python", functions)
        answered.touch()
        return True

    @property
    def _cache(self) -> Path:
        return self.project / CACHE

    def _compiler(self) -> Compiler:
        python = find_python(self.target.python, self.python)
        if python is None:
            return webassembly_compiler(self.target.python, self._cache / "tools")
        return native_compiler(self.target.python, python)

    def _sources(self) -> Iterator[tuple[str, bytes]]:
        """Each source file's path in the function's folder, and its content."""
        yield f"{_NAMESPACE}/__init__.py", (self.project / _NAMESPACE / "__init__.py").read_bytes()
        for path in sorted((self.project / "functions").rglob("*")):
            name = path.relative_to(self.project)
            if path.suffix in _SOURCES and not UNUSED_FOLDERS.intersection(name.parts):
                yield f"{_NAMESPACE}/{name.as_posix()}", path.read_bytes()

    def _hash(self, *inputs: Any) -> str:
        document = json.dumps([BUILDER, self.target.python, *inputs])
        return hashlib.sha256(document.encode()).hexdigest()
