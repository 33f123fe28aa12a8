"""Copies published versions between stores, and verifies them against the lock."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import (
    Copy,
    LocalCopy,
    LockedVersion,
    LockError,
    S3Copy,
    read_lock,
)
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.publication import Built, Published
from lading.model_packaging.store.versions import Store, store_of


@dataclass(frozen=True, slots=True)
class Transferred:
    """A version that is now in the target; `moved` is False if it was there before.

    `bytes` is the size of its files; None if they were not read.
    """

    name: str
    version: int
    moved: bool
    bytes: int | None
    copy: LocalCopy | S3Copy


Check = Callable[[str, int, Published], object]
"""Raises an error if a version of a model must not be copied."""


def transfer(
    name: str, version: int, target: Store, lock: Path, check: Check | None = None
) -> Transferred:
    """Copy a version of the lock to `target`, and record the copy in the lock.

    Args:
        name: the model.
        version: the version.
        target: the store to copy to.
        lock: path of the lock.
        check: called with the version before it is copied, and with one that is there already.

    Raises:
        StoreError: no copy can be read, the target cannot be written, or has another artifact.
        LockError: the lock lacks the version, or cannot be written.
    """
    entry = read_lock(lock).model(name).versions.get(version)
    if entry is None:
        raise LockError(lock, f"has no version {version} of model '{name}'")
    read: Published | None = None
    if version not in target.versions(name):
        read = read_nearest(name, version, entry, lock)
        if check is not None:
            check(name, version, read)
        target.place(name, version, Built(read.files, read.engine))
    elif check is not None:
        check(name, version, target.open(name, version, entry.digest))
    copy = target.copy(name, version, entry.digest, lock)
    record(lock, name, version, entry.model_copy(update={"stores": (copy,)}), ())
    size = None if read is None else _size(read)
    return Transferred(name, version, moved=read is not None, bytes=size, copy=copy)


def _size(published: Published) -> int:
    engine = published.engine.size if published.engine else 0
    return sum(map(len, published.files.values())) + engine


def read_nearest(name: str, version: int, entry: LockedVersion, lock: Path) -> Published:
    """Read the version from the first readable copy; local copies come first.

    Raises:
        StoreError: no copy can be read.
    """
    refused: StoreError | None = None
    for copy in sorted(entry.stores, key=_nearest):
        try:
            return store_of(copy, name, version, lock).open(name, version, entry.digest)
        except StoreError as error:
            refused = error
    assert refused is not None  # a locked version has a copy
    raise refused


def _nearest(copy: Copy) -> bool:
    return not isinstance(copy, LocalCopy)
