"""Wheels for a target: pip downloads them, and only what a running service needs is unpacked."""

import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from lading.stacks.build.commands import Finished, last_line, run
from lading.stacks.build.requirements import Locked
from lading.stacks.build.trimming import is_kept, trimmed
from lading.stacks.errors import WheelsMissing
from lading.stacks.stages.target import Target

_INSTALLED_DATA = ("purelib", "platlib")
"""The schemes of a wheel's `.data` folder that are installed beside its packages."""


def install_wheels(
    requirements: Collection[Locked],
    target: Target,
    folder: Path,
    keep: Callable[[PurePosixPath], bool] = is_kept,
) -> None:
    """Install the files of `requirements` that `keep` accepts into `folder`.

    Raises:
        WheelsMissing: pip cannot download a wheel, or a hash is wrong.
    """
    with TemporaryDirectory(prefix="lading-wheels-") as temporary:
        for wheel in _download(requirements, target, Path(temporary)):
            unpack_wheel(wheel, folder, keep)


def _download(requirements: Collection[Locked], target: Target, folder: Path) -> list[Path]:
    lock = folder / "requirements.txt"
    lock.write_text("".join(f"{locked}\n" for locked in requirements), encoding="utf-8")
    # A class of the user's own may have requirements without hashes; the service's locks have them.
    hashed = ("--require-hashes",) if any(each.hashes for each in requirements) else ()
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download"),
        *("--quiet", "--dest", str(folder), "--requirement", str(lock)),
        *("--no-deps", "--only-binary=:all:", *hashed, *target.pip_options),
    ]
    finished = run(*command)
    if finished.returncode != 0:
        raise WheelsMissing(str(target), _error(finished))
    return sorted(folder.glob("*.whl"))


def _error(finished: Finished) -> str:
    """Return the lines in which pip states the error."""
    lines = [line.partition("ERROR: ")[2] for line in finished.stderr.splitlines()]
    return " ".join(filter(None, lines)) or last_line(finished)


def unpack_wheel(
    wheel: Path, folder: Path, keep: Callable[[PurePosixPath], bool] = is_kept
) -> None:
    """Write the kept files of `wheel` below `folder`."""
    with ZipFile(wheel) as archive:
        for member, path in _installed(archive):
            if keep(path):
                destination = folder / path
                destination.parent.mkdir(parents=True, exist_ok=True)
                destination.write_bytes(trimmed(path, archive.read(member)))


def _installed(archive: ZipFile) -> Iterator[tuple[str, PurePosixPath]]:
    """Yield the names of files in the wheel, each with its path after installation."""
    for name in archive.namelist():
        path = PurePosixPath(name)
        if name.endswith("/") or path.is_absolute() or ".." in path.parts:
            continue
        if not path.parts[0].endswith(".data"):
            yield name, path
        elif path.parts[1] in _INSTALLED_DATA:
            yield name, PurePosixPath(*path.parts[2:])
