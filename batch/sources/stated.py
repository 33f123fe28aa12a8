"""What tells whether an input is still the same: names, sizes and times of its files."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

_DIGITS = 16


def identity_of(files: Iterable[Path]) -> str:
    """Return a digest of the files' names, sizes and times of change.

    The content is not read: a batch that goes on would read all of its input twice.
    """
    digest = sha256()
    for path in files:
        found = path.stat()
        digest.update(f"{path.name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:_DIGITS]
