"""Folders named by the hash of what they are made from, made once."""

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
"""1980-01-01, the earliest that a zip can say."""


@dataclass(frozen=True, slots=True)
class CachedFolder:
    """A folder that can be made.

    Args:
        asset_hash: of all that decides what is in it; known without making it.
        write: fills an empty folder.
    """

    asset_hash: str
    write: Callable[[Path], None]

    def folder(self, cache: Path) -> Path:
        """The finished folder below `cache`, made now if it is not there.

        A kill leaves it unmade. Of two processes one makes it while the other waits.
        """
        finished = cache / self.asset_hash
        if not finished.is_dir():
            with _alone(cache):
                if not finished.is_dir():
                    self._make(cache / _UNFINISHED, finished)
        return finished

    def _make(self, unfinished: Path, finished: Path) -> None:
        if unfinished.exists():
            shutil.rmtree(unfinished)  # left by a kill: nobody else is here
        unfinished.mkdir()
        self.write(unfinished)
        _level(unfinished)
        unfinished.rename(finished)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Wait for whoever builds in `cache`; the kernel lets go when a builder dies."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / _LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _level(folder: Path) -> None:
    """Give all below `folder`, and itself, the same modes and times on every machine."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.suffix == _SCRIPT else 0o644)
        os.utime(path, (_TIME, _TIME))
