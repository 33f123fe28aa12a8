"""Writes that survive a kill or a power cut: they are complete, or did not happen."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the advisory lock on file `path`, after waiting for other holders.

    The file is created if it is missing, and stays. The kernel releases the lock of a dead process.
    """
    make_folder(path.parent)
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_file(path: Path, content: bytes) -> None:
    """Write `path`, and wait until its content is on disk."""
    stream_file(path, (content,))


def stream_file(path: Path, content: Iterable[bytes]) -> None:
    """Write `path` in pieces, and wait until its content is on disk."""
    with path.open("wb") as handle:
        handle.writelines(content)
        handle.flush()
        os.fsync(handle.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Replace the content of `path` atomically; the caller holds a lock against other writers."""
    unfinished = path.with_name(f".{path.name}.tmp")
    write_file(unfinished, content)
    unfinished.replace(path)
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Create `path` and missing folders above it, and wait until they are on disk."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's list of names is on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
