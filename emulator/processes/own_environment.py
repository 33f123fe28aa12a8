"""Virtual environments of tools, each made once from locked requirements."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from lading.emulator.errors import ToolUnavailable


def own_environment(folder: Path, requirements: Path, log: Path, *options: str) -> Path:
    """Return the virtual environment in `folder`; make it unless it matches `requirements`.

    It uses the interpreter of this process.

    Args:
        folder: the environment's folder.
        requirements: a requirements file with hashes.
        log: file to which pip's output is appended.
        options: more options of `pip install`.

    Raises:
        ToolUnavailable: the packages cannot be installed.
    """
    made_of = folder / "made-of"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits, then finds it made
        if not made_of.is_file() or made_of.read_text() != wanted:
            _make(folder, wanted, requirements, log, options)
    return folder


def _make(
    folder: Path, wanted: str, requirements: Path, log: Path, options: tuple[str, ...]
) -> None:
    """Make the environment in its place, since its commands hold the path; mark it at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _install(folder, requirements, log, options)
    except ToolUnavailable:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "made-of").write_text(wanted)


def _install(folder: Path, requirements: Path, log: Path, options: tuple[str, ...]) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    locked = ["--require-hashes", "--only-binary=:all:", *options, "-r", str(requirements)]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *locked]):
        with log.open("ab") as output:
            finished = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        if finished.returncode != 0:
            raise ToolUnavailable(f"cannot install requirements/{requirements.name}", log)
