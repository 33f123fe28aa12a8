"""Finds and removes what a store holds for no lock.

A version stays as long as a lock names it, also as a part of a graph, and for a time after it was
published or retired: the lock of another clone may name it, or a deployment may still read it. A
version that is newer than all of the lock stays too: its number must not be given again, and the
lock may be outdated. Files that several versions share stay as long as one of these versions does.
A model that the lock never had belongs to another project, and is not touched. A kill leaves less
garbage, which the next run removes.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lading.model_packaging.lock.edits import guarded
from lading.model_packaging.lock.file import Lock, LockedModel, LockError, S3Copy, read_lock
from lading.model_packaging.store.contents import Stored
from lading.model_packaging.store.versions import Store


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A part of a store that no lock names; `kept` is why it stays, and empty if it does not."""

    model: str
    stored: Stored
    kept: str


@dataclass(frozen=True, slots=True)
class Retention:
    """What stays in a store.

    Args:
        lock: path of the lock.
        others: paths of further locks whose versions stay.
        since: what was published or retired later stays.
    """

    lock: Path
    others: Sequence[Path]
    since: dt.datetime


def collect(
    names: Collection[str], store: Store, retention: Retention, *, delete: bool
) -> Iterator[Unlocked]:
    """Yield what no lock names, after removing what does not stay if `delete` is True.

    Nobody else can write the lock meanwhile.

    Args:
        names: models that the lock has or had; none for all of them.
        store: the store.
        retention: what stays.
        delete: False to remove nothing.

    Raises:
        LockError: a lock cannot be read.
        StoreError: the store cannot be read, or something cannot be removed.
    """
    with guarded(retention.lock):
        locks = [*map(_existing_lock, (retention.lock, *retention.others))]
        own = locks[0].root
        for name in sorted(set(names) & set(own) if names else own):
            known = _known(name, locks, retention.since)
            for each in _unlocked(name, store.contents(name), known):
                if delete and not each.kept:
                    store.remove(name, each.stored)
                yield each


def _existing_lock(path: Path) -> Lock:
    """Read a lock, which must exist: a misspelled path would protect nothing."""
    if not path.exists():
        raise LockError(path, "does not exist; correct its path")
    return read_lock(path)


class _KnownByLocks(NamedTuple):
    """What the locks say of one model; the first lock is the own one."""

    models: Sequence[LockedModel]
    graphs: Mapping[int, str]
    since: dt.datetime


def _known(name: str, locks: Sequence[Lock], since: dt.datetime) -> _KnownByLocks:
    graphs = {at: each for lock in locks for at, each in lock.graphs_with(name).items()}
    return _KnownByLocks([lock.model(name) for lock in locks], graphs, since)


def _unlocked(name: str, contents: Sequence[Stored], known: _KnownByLocks) -> list[Unlocked]:
    """Return the versions that no lock names, then the files that no remaining version needs."""
    locked = {number for model in known.models for number in model.versions}
    versions = {each.version: each for each in contents if each.version is not None}
    free = {number: each for number, each in sorted(versions.items()) if number not in locked}
    kept = {number: _reason(number, each, known) for number, each in free.items()}
    found = [Unlocked(name, free[number], kept[number]) for number in free]
    staying = [each for number, each in versions.items() if kept.get(number, "locked")]
    needed = {place for each in staying for place in each.needs} | _pinned(known.models)
    files = [each for each in contents if each.version is None and each.place not in needed]
    return found + [Unlocked(name, each, _young(each.modified, known.since)) for each in files]


def _reason(number: int, stored: Stored, known: _KnownByLocks) -> str:
    """Return why a version that no lock names stays; empty if it does not."""
    models = known.models
    if number in known.graphs:
        return f"{known.graphs[number]} was tested with it"
    retired = [model.retired[number].date for model in models if number in model.retired]
    times = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in retired]
    if number > max((*models[0].versions, *models[0].retired), default=0):
        return "it is newer than every version of the lock; is the lock up to date?"
    return _young(max([stored.modified, *times]), known.since)


def _young(changed: dt.datetime, since: dt.datetime) -> str:
    return f"it was published or retired on {changed:%Y-%m-%d}" if changed > since else ""


def _pinned(models: Iterable[LockedModel]) -> set[str]:
    """Return the places of the files beside the versions that locks name."""
    entries = [entry for model in models for entry in model.versions.values()]
    copies = [copy for entry in entries for copy in entry.stores if isinstance(copy, S3Copy)]
    keys = [(copy.bucket, key) for copy in copies for key in (copy.golden, copy.engine) if key]
    return {f"s3://{bucket}/{key}" for bucket, key in keys}
