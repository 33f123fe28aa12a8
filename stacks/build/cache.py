"""Folders that are named by the hash of their inputs and built once."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_UNFINISHED = ".unfinished"
_SCRIPT = ".sh"
_LOCK = ".lock"
_TIME = 315_532_800
"""1980-01-01, the earliest time that a zip can hold."""


@dataclass(frozen=True, slots=True)
class CachedFolder:
    """A folder that can be built.

    Args:
        cache: holds every finished folder, under its hash.
        asset_hash: hash of everything that decides the content; known without building.
        write: fills an empty folder.
    """

    cache: Path
    asset_hash: str
    write: Callable[[Path], None]

    def folder(self) -> Path:
        """Return the finished folder, built now unless it is in the cache.

        A process that is killed leaves no finished folder. Of two processes one builds it while
        the other waits.
        """
        finished = self.cache / self.asset_hash
        if not finished.is_dir():
            with _exclusively(self.cache):
                if not finished.is_dir():
                    self._build(self.cache / _UNFINISHED, finished)
        return finished

    def _build(self, unfinished: Path, finished: Path) -> None:
        if unfinished.exists():
            shutil.rmtree(unfinished)  # left by a killed process; the lock excludes any other
        unfinished.mkdir()
        self.write(unfinished)
        _normalize(unfinished)
        unfinished.rename(finished)


@contextmanager
def _exclusively(cache: Path) -> Iterator[None]:
    """Lock `cache` among processes; the kernel releases the lock when a process dies."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / _LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _normalize(folder: Path) -> None:
    """Give `folder` and everything below it the same modes and times on every machine."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.suffix == _SCRIPT else 0o644)
        os.utime(path, (_TIME, _TIME))
