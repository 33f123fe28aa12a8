"""Downloads a source once, and finds it here from then on.

    <cache>/<digest of address and revision>/      what was downloaded, archives unpacked

A download appears whole or not at all, and what a killed one left is deleted by the next. What the
lock pins is found without any request.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from lading.functions.inference.artifact.reading import sha256
from lading.model_packaging.converters.registry import CONVERTERS
from lading.model_packaging.documents import canonical
from lading.model_packaging.lock.file import LockedSource
from lading.model_packaging.remote.kind import OnBytes, SourceUnfetched, room_in
from lading.model_packaging.remote.registry import find_kind
from lading.model_packaging.sources.mlflow_folder import MLMODEL
from lading.model_packaging.sources.tarball import unpack
from lading.model_packaging.store.durable import exclusive

ARCHIVES: Final = (".tar.gz", ".tgz")
_VAGUE: Final = frozenset({".json", ".txt", ".bin"})
"""Suffixes of models that files beside a model have too."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source on this machine.

    Args:
        path: the model's file or folder.
        pin: what the lock keeps of it.
        bytes: its size if it was downloaded now; 0 if it was here.
    """

    path: Path
    pin: LockedSource
    bytes: int


def fetch(address: str, pin: LockedSource | None, cache: Path, on_bytes: OnBytes) -> Fetched:
    """Return a source, downloaded if it is not here.

    Args:
        address: its address.
        pin: what the lock has of the model's source; one of another address does not count.
        cache: the folder of all sources; created if it is missing.
        on_bytes: called as bytes come.

    Raises:
        SourceUnfetched: it cannot be downloaded, or is not the one that is pinned.
        ArchiveRefused: it is an archive that must not be unpacked.
    """
    kind = find_kind(address)
    pinned = pin if pin is not None and pin.address == address else None
    revision = pinned.revision if pinned else kind.resolve(address)
    folder = _folder(address, revision, cache)

    def fill(fresh: Path) -> None:
        kind.fetch(address, revision, fresh, on_bytes)
        _unpack_all(fresh)

    size = _bytes(folder) if _made(folder, fill) else 0
    digest = _digest(folder)
    if pinned and digest != pinned.digest:
        reason = f"has the digest {digest}, but the lock pins {pinned.digest}"
        raise SourceUnfetched(address, f"{reason}; delete {folder}, and package it again")
    return Fetched(
        model_in(address, folder),
        LockedSource(address=address, revision=revision, digest=digest),
        size,
    )


def is_here(address: str, pin: LockedSource | None, cache: Path) -> bool:
    """Return whether the cache has the source that is pinned; see `fetch`."""
    if pin is None or pin.address != address:
        return False
    return _folder(address, pin.revision, cache).is_dir()


def unpacked(archive: Path, cache: Path) -> Path:
    """Return the model in an archive on this machine, as SageMaker's trainings leave one.

    Raises:
        ArchiveRefused: it must not be unpacked.
        SourceUnfetched: it has no model, or several.
    """
    folder = cache / _file_digest(archive)[:32]
    _made(folder, lambda fresh: unpack(archive, fresh, room_in(fresh)))
    return model_in(str(archive), folder)


def _folder(address: str, revision: str, cache: Path) -> Path:
    return cache / sha256(f"{address}\n{revision}".encode()).removeprefix("sha256:")[:32]


def _made(folder: Path, fill: Callable[[Path], None]) -> bool:
    """Make a folder that is missing, and return whether it was.

    It appears when it is filled; after an error it is gone. One process at a time fills a folder of
    the cache, so unfinished ones are what killed processes left.
    """
    if folder.is_dir():
        return False
    cache = folder.parent
    with exclusive(cache.with_name(f".{cache.name}.guard")):
        cache.mkdir(parents=True, exist_ok=True)
        for left in cache.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)
        if folder.is_dir():  # another process was quicker
            return False
        fresh = Path(mkdtemp(prefix=".", dir=cache))
        try:
            fill(fresh)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return True


def model_in(address: str, folder: Path) -> Path:
    """Return the model's file or folder among what was downloaded.

    Raises:
        SourceUnfetched: there is none, or several.
    """
    files = list(_files(folder))
    places = (folder, *sorted(path for path in folder.iterdir() if path.is_dir()))
    for place in places:
        if (place / MLMODEL).is_file():
            return place
    if len(files) == 1 and not any(_reads_folder(files[0].parent)):
        return files[0]
    for place in places:
        if any(_reads_folder(place)):
            return place
    readable = {suffix for each in CONVERTERS for suffix in each.suffixes}
    for suffixes in (readable - _VAGUE, readable):
        found = [path for path in files if path.suffix.lower() in suffixes]
        if len(found) == 1:
            return found[0]
    names = ", ".join(path.relative_to(folder).as_posix() for path in files[:10]) or "no file"
    raise SourceUnfetched(address, f"must have one model, but has {names}; name its file")


def _reads_folder(folder: Path) -> Iterable[bool]:
    return (any(folder.glob(pattern)) for each in CONVERTERS for pattern in each.contents)


def _unpack_all(folder: Path) -> None:
    """Replace an archive that was downloaded by what is in it."""
    files = list(_files(folder))
    if len(files) == 1 and files[0].name.endswith(ARCHIVES):
        archive = files[0].rename(folder / ".archive")
        unpack(archive, folder, room_in(folder))
        archive.unlink()


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))


def _digest(folder: Path) -> str:
    """Return the digest of the list of all files' names and digests."""
    files = ([path.relative_to(folder).as_posix(), _file_digest(path)] for path in _files(folder))
    return sha256(canonical(list(files)))


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
