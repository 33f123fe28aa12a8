"""A virtual environment of a tool's own, made once of locked requirements."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from lading.emulator.errors import ToolUnavailable


def own_environment(folder: Path, requirements: Path, log: Path, *options: str) -> Path:
    """The environment in `folder`, made of `requirements` unless it is there as locked.

    Its interpreter is the one of this process.

    Args:
        folder: of the environment.
        requirements: a file of pins with their hashes.
        log: file to which pip's output is appended.
        options: more options of `pip install`.

    Raises:
        ToolUnavailable: it cannot be made.
    """
    made_of = folder / "made-of"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two at once, the second finds what the first made
        if not made_of.is_file() or made_of.read_text() != wanted:
            _make(folder, wanted, requirements, log, options)
    return folder


def _make(
    folder: Path, wanted: str, requirements: Path, log: Path, options: tuple[str, ...]
) -> None:
    """Make the environment beside its place, and put it there when it is whole."""
    scratch = folder.with_name(f"{folder.name}-{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        _install(scratch, requirements, log, options)
        (scratch / "made-of").write_text(wanted)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _install(folder: Path, requirements: Path, log: Path, options: tuple[str, ...]) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    locked = ["--require-hashes", "--only-binary=:all:", *options, "-r", str(requirements)]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *locked]):
        with log.open("ab") as output:
            finished = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        if finished.returncode != 0:
            raise ToolUnavailable(requirements.name, log)
