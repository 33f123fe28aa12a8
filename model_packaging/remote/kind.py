"""One place where trained models live, and the rules for what is downloaded from it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from lading.model_packaging.errors import PackagingError

MOST_BYTES: Final = 200 << 30
"""The largest source that is downloaded."""

_SPARE: Final = 1 << 30
"""Bytes of the disk that stay free."""

OnBytes = Callable[[int, int], None]
"""Called with the bytes that have come, and those of all; 0: not known."""


class SourceUnfetched(PackagingError):
    """A source cannot be downloaded, or is not the one that is pinned.

    Remedy: check the address and its credentials; `--refresh` takes the newest revision.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{shown(address)} {reason}")
        self.address, self.reason = shown(address), reason


@dataclass(frozen=True, slots=True)
class RemoteKind:
    """One place where models live.

    Args:
        prefixes: how its addresses begin.
        example: an address, for errors.
        resolve: returns the revision of an address, which names its content for ever. It may ask
            the place, unless the address names one.
        fetch: downloads a revision of an address into an empty folder.

    Both functions raise SourceUnfetched.
    """

    prefixes: tuple[str, ...]
    example: str
    resolve: Callable[[str], str]
    fetch: Callable[[str, str, Path, OnBytes], None]


def shown(address: str) -> str:
    """Return an address without its query, which may hold a secret."""
    return address.partition("?")[0]


def missing(library: str, extra: str) -> str:
    """Return the reason for a library that is not installed."""
    return f"needs {library}, which is not installed; pip install 'lading[{extra}]'"


def room_in(folder: Path) -> int:
    """Return the most bytes that a source in this folder may have: the limit, or the free disk."""
    return max(0, min(MOST_BYTES, shutil.disk_usage(folder).free - _SPARE))


class Room:
    """The place on disk for one download, and its limit.

    Args:
        address: the source, for errors.
        folder: an empty folder.
        on_bytes: called as bytes come.
        total: the size of all files, if it is known.
    """

    def __init__(self, address: str, folder: Path, on_bytes: OnBytes, total: int = 0) -> None:
        self._address, self._folder, self._on_bytes = address, folder, on_bytes
        self._total, self._done = total, 0
        self._most = room_in(folder)
        self.require(total)

    def require(self, size: int) -> None:
        """Require that so many bytes may be downloaded.

        Raises:
            SourceUnfetched: they exceed the limit, or the disk.
        """
        if size > self._most:
            reason = f"has {size:,} bytes or more; at most {self._most:,} fit on this disk"
            raise SourceUnfetched(self._address, reason)

    def place(self, name: str) -> Path:
        """Return the path of a file in the folder, and create the folders above it.

        Raises:
            SourceUnfetched: the name leads out of the folder.
        """
        place = self.require_below(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def require_below(self, name: str) -> Path:
        """Return the path of a file in the folder.

        Raises:
            SourceUnfetched: the name leads out of the folder.
        """
        path = PurePosixPath(name)
        if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in name:
            raise SourceUnfetched(self._address, f"has a file with an unusable name: {name[:80]!r}")
        return self._folder.joinpath(*path.parts)

    def took(self, size: int) -> None:
        """Count bytes that came.

        Raises:
            SourceUnfetched: they exceed the limit.
        """
        self._done += size
        self.require(self._done)
        self._on_bytes(self._done, self._total)
