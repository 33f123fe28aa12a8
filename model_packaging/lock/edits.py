"""Changes the lock: one writer at a time, complete or not at all, and shown as a diff."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from types import EllipsisType

from lading.model_packaging.lock.file import (
    LocalCopy,
    Lock,
    LockedModel,
    LockedSource,
    LockedVersion,
    LockError,
    S3Copy,
    read_lock,
    render_lock,
)
from lading.model_packaging.store.durable import exclusive, replace_file


@dataclass(frozen=True, slots=True)
class LockEdit:
    """A change of the lock at `path`: its content before and after, and the diff of the file."""

    path: Path
    before: Lock
    after: Lock
    diff: str


def record(  # noqa: PLR0913, PLR0917 what one entry of the lock consists of
    path: Path,
    name: str,
    version: int,
    entry: LockedVersion,
    labels: Iterable[str],
    source: LockedSource | EllipsisType | None = ...,
) -> Lock:
    """Write a version, its source and the labels that now point at it into the lock, in one step.

    Concurrent writers wait for each other. The other versions and labels stay unchanged; another
    copy of a known version is added to its stores, and replaces one at the same place.

    Args:
        path: the lock; created if it is missing.
        name: the model.
        version: the version's number.
        entry: the version's entry.
        labels: labels to point at the version.
        source: the revision of the model's source, None for a file of the project; left out, the
            lock keeps what it has.

    Raises:
        LockError: it cannot be read or written, or has this version with another digest.
    """

    def change(lock: Lock) -> Lock:
        model = with_version(path, lock, name, version, entry)
        if source is not ...:
            model = model.model_copy(update={"source": source})
        for label in labels:
            model = model.labeled(label, version)
        return lock.replaced(name, model)

    return edit_lock(path, change).after


def edit_lock(path: Path, change: Callable[[Lock], Lock], *, write: bool = True) -> LockEdit:
    """Change the lock in one step, after waiting for other writers.

    Args:
        path: the lock; created if it is missing.
        change: returns the new content.
        write: False to return the edit only.

    Raises:
        LockError: the lock cannot be read or written.
    """
    with guarded(path):
        before = read_lock(path)
        after = change(before)
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        new = old if after == before and old else render_lock(after).decode()
        if write and new != old:
            replace_file(path, new.encode())
        return LockEdit(path, before, after, _diff(path, old, new))


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Keep other writers of the lock out.

    Raises:
        LockError: a file beside the lock, or the lock itself, cannot be written.
    """
    try:
        with exclusive(path.with_name(f".{path.name}.guard")):
            yield
    except OSError as error:
        raise LockError(path, f"cannot be written: {error.strerror}") from error


def _diff(path: Path, old: str, new: str) -> str:
    before, after = (text.splitlines(keepends=True) for text in (old, new))
    return "".join(unified_diff(before, after, f"a/{path.name}", f"b/{path.name}"))


def with_version(
    path: Path, lock: Lock, name: str, version: int, entry: LockedVersion
) -> LockedModel:
    """Return the model with this version; a retired one comes back.

    Raises:
        LockError: the lock has this version with another digest.
    """
    model = lock.model(name)
    known, digest = model.versions.get(version), lock.digests(name).get(version, entry.digest)
    if digest != entry.digest:
        raise LockError(
            path,
            f"has version {version} of model '{name}' with digest {digest}, not "
            f"{entry.digest}; package it again for a new version",
        )
    merged = entry if known is None else _merged(known, entry)
    retired = {number: each for number, each in model.retired.items() if number != version}
    versions = {**model.versions, version: merged}
    return model.model_copy(update={"versions": versions, "retired": retired})


def _merged(known: LockedVersion, entry: LockedVersion) -> LockedVersion:
    """Merge the copies and images of both; the later one wins for the same place or region.

    The AMI of a region belongs to its image, so it goes with it.
    """
    stores = {_place(copy): copy for copy in (*known.stores, *entry.stores)}
    engine = entry.engine
    if engine and known.engine:
        kept = {at: ami for at, ami in known.engine.amis.items() if at not in engine.images}
        merged = {
            "images": {**known.engine.images, **engine.images},
            "amis": {**kept, **engine.amis},
        }
        engine = engine.model_copy(update=merged)
    return entry.model_copy(update={"stores": tuple(stores.values()), "engine": engine})


def _place(copy: LocalCopy | S3Copy) -> tuple[str, ...]:
    """Return the key that copies at the same place share."""
    return (copy.path,) if isinstance(copy, LocalCopy) else (copy.bucket, copy.key)
