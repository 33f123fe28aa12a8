"""Find a Python of a given version on this machine."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import TimeoutExpired

from lading.stacks.build.commands import run
from lading.stacks.errors import InterpreterUnfit

_LOCATORS = (
    ("uv", "python", "find", "--managed-python", "--no-python-downloads"),
    ("pyenv", "prefix"),
)
"""Commands that know of Pythons which are not on the PATH; each takes a version."""

_INTRODUCE = """
import sys, sysconfig
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(sys.implementation.name, "%d.%d" % sys.version_info[:2], free_threaded)
"""

_PATIENCE_S = 30


def find_python(version: str, asked: Path | None = None) -> Path | None:
    """An interpreter of CPython `version`: the one asked for, or the first there is, or None.

    Raises:
        InterpreterUnfit: the one asked for is of another version, or does not run.
    """
    if asked is None:
        return next((path for path in _candidates(version) if _is_python(path, version)), None)
    if not _is_python(asked, version):
        raise InterpreterUnfit(asked, version)
    return asked


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in os.get_exec_path():
        path = Path(folder, f"python{version}")
        if path.is_file():
            yield path
    for locator in _LOCATORS:
        if shutil.which(locator[0]):
            located = Path(_output(*locator, version).strip())
            yield located / "bin" / "python" if located.is_dir() else located


def _is_python(path: Path, version: str) -> bool:
    # A name proves nothing: shims exist for versions that are not there.
    return _output(str(path), "-I", "-c", _INTRODUCE).split() == ["cpython", version, "False"]


def _output(*command: str) -> str:
    """What `command` prints; nothing when it fails."""
    try:
        finished = run(*command, patience_s=_PATIENCE_S)
    except (OSError, TimeoutExpired):
        return ""
    return finished.stdout if finished.returncode == 0 else ""
