"""Find a Python of a given version on this machine."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import TimeoutExpired

from lading.stacks.build.commands import run
from lading.stacks.errors import PythonMissing

_LOCATORS = (
    ("uv", "python", "find", "--managed-python", "--no-python-downloads"),
    ("pyenv", "prefix"),
)
"""Commands that know Pythons outside the PATH; each takes a version as its last argument."""

_IDENTIFY = """
import sys, sysconfig
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(sys.implementation.name, "%d.%d" % sys.version_info[:2], free_threaded)
"""

_TIMEOUT_S = 30


def find_python(version: str) -> Path:
    """Return the first interpreter of CPython `version` on this machine.

    Raises:
        PythonMissing: there is none; the text says how to install one.
    """
    for path in _candidates(version):
        # A name proves nothing: pyenv has shims for versions that are not installed.
        if _output(str(path), "-I", "-c", _IDENTIFY).split() == ["cpython", version, "False"]:
            return path
    raise PythonMissing(version)


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


def _output(*command: str) -> str:
    """Return what `command` prints; nothing when it fails."""
    try:
        finished = run(*command, timeout_s=_TIMEOUT_S)
    except (OSError, TimeoutExpired):
        return ""
    return finished.stdout if finished.returncode == 0 else ""
