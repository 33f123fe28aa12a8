"""Compile a tree for the target's Python, on machines that have one and on machines that do not.

A machine without that Python, but with Node.js (which the CDK needs anyway), runs it in
WebAssembly: Pyodide is CPython, and compiled files depend on its version alone.
"""

import base64
import hashlib
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Literal

from lading.stacks.build.commands import last_line, run
from lading.stacks.errors import CompilationFailed, CompilerMissing

Source = Literal["beside", "instead"]
"""Where a compiled file goes: beside its source, or instead of it."""

_SCRIPT = Path(__file__).with_name("compile_tree.py")


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm's registry, and the SHA-512 that its archive must have."""

    name: str
    integrity: str


PYODIDES: Mapping[str, Package] = MappingProxyType(
    {
        "3.13": Package(
            "pyodide@0.29.5",
            "TkYrUv9m8QmfImADKRmpwZulL48E0uUaBSO+dvRQKyAJc0qh9gu7jn8btyHPh3NZm1r2IH2YrJhIr7Q2B9urAw==",
        ),
    }
)
"""Python version -> the Pyodide that has it."""

_NODE_SCRIPT = """
const [pyodideFolder, script, folder, ...rest] = process.argv.slice(1);
const { loadPyodide } = require(pyodideFolder + "/pyodide.js");
loadPyodide().then((pyodide) => {
  for (const [place, root] of [["/script", require("path").dirname(script)], ["/tree", folder]]) {
    pyodide.FS.mkdir(place);
    pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root }, place);
  }
  pyodide.globals.set("arguments", pyodide.toPy(["compile_tree.py", "/tree", ...rest]));
  pyodide.runPython(`
    import runpy, sys, warnings
    warnings.simplefilter("ignore")
    sys.argv = arguments
    runpy.run_path("/script/compile_tree.py", run_name="__main__")
  `);
}).catch((error) => { console.error(error.message); process.exit(1); });
"""


@dataclass(frozen=True, slots=True)
class Compiler:
    """Something that compiles for one version of Python.

    Args:
        version: that version.
        command: what runs `compile_tree.py` when its arguments follow.
    """

    version: str
    command: tuple[str, ...]

    def compile(self, folder: Path, prefix: str, source: Source) -> None:
        """Compile what is below `folder` and will be found at `prefix`.

        Raises:
            CompilationFailed: a file does not compile; the text names it.
        """
        finished = run(*self.command, folder, prefix, source)
        if finished.returncode != 0:
            raise CompilationFailed(self.version, last_line(finished))


def native_compiler(version: str, python: Path) -> Compiler:
    """The interpreter `python`, of the target's version."""
    flags = ("-I", "-S", "-W", "ignore")
    return Compiler(version, (str(python), *flags, str(_SCRIPT)))


def webassembly_compiler(version: str, tools: Path) -> Compiler:
    """The target's Python in WebAssembly, fetched into `tools` when it is not there.

    Raises:
        CompilerMissing: there is no Node.js, no npm, no answer, or no such Python.
    """
    package = PYODIDES.get(version)
    if package is None:
        raise CompilerMissing(version, "there is no WebAssembly build of it either")
    node = shutil.which("node")
    if node is None:
        raise CompilerMissing(version, "node is not on the PATH")
    folder = tools / package.name
    if not folder.is_dir():
        _fetch(version, package, folder)
    return Compiler(version, (node, "--eval", _NODE_SCRIPT, str(folder.resolve()), str(_SCRIPT)))


def _fetch(version: str, package: Package, folder: Path) -> None:
    """Unpack `package` into `folder`, whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        raise CompilerMissing(version, "npm is not on the PATH")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as temporary:
        finished = run(npm, "pack", package.name, "--pack-destination", temporary, "--silent")
        archives = list(Path(temporary).glob("*.tgz"))
        if finished.returncode != 0 or len(archives) != 1:
            raise CompilerMissing(version, f"npm did not bring {package.name}")
        digest = hashlib.sha512(archives[0].read_bytes()).digest()
        if base64.b64encode(digest).decode() != package.integrity:
            raise CompilerMissing(version, f"npm brought another {package.name} than is pinned")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(temporary, filter="data")
        if not folder.is_dir():
            Path(temporary, "package").rename(folder)
