"""Virtual environments of tools, each made once from locked requirements."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lading.emulator.errors import ToolUnavailable


def own_environment(
    folder: Path,
    requirements: Path,
    log: Path,
    *options: str,
    interpreter: Path = Path(sys.executable),
) -> Path:
    """Return the virtual environment in `folder`; make it unless it matches `requirements`.

    Args:
        folder: the environment's folder.
        requirements: a requirements file with hashes.
        log: file to which pip's output is appended.
        options: more options of `pip install`.
        interpreter: the environment's Python.

    Raises:
        ToolUnavailable: the packages cannot be installed.
    """
    made_of = folder / "made-of"
    python = sys.version if interpreter == Path(sys.executable) else str(interpreter)
    wanted = hashlib.sha256(requirements.read_bytes() + python.encode()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits, then finds it made
        if not made_of.is_file() or made_of.read_text() != wanted:
            _make(folder, wanted, partial(_install, interpreter, requirements, log, options))
    return folder


def _make(folder: Path, wanted: str, install: Callable[[Path], None]) -> None:
    """Make the environment in its place, since its commands hold the path; mark it at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        install(folder)
    except ToolUnavailable:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "made-of").write_text(wanted)


def _install(
    interpreter: Path, requirements: Path, log: Path, options: tuple[str, ...], folder: Path
) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    locked = ["--require-hashes", "--only-binary=:all:", *options, "-r", str(requirements)]
    for command in ([str(interpreter), "-m", "venv", str(folder)], [*pip, *locked]):
        with log.open("ab") as output:
            finished = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        if finished.returncode != 0:
            raise ToolUnavailable(f"cannot install requirements/{requirements.name}", log)
