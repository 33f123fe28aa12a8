"""Moves labels by hand: promotes a version or brings one back, without packaging."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lading.functions.contract.names import NAME_PATTERN
from lading.model_packaging.lock.edits import LockEdit, edit_lock
from lading.model_packaging.lock.file import Lock, LockedModel, LockError


class NoEarlierVersion(LockError):
    """The lock has no version to which a label could go back.

    Remedy: name the version: `lading label NAME LABEL VERSION`.
    """


@dataclass(frozen=True, slots=True)
class MovedLabel:
    """A label, and the versions that it pointed at before and points at now; None for none."""

    model: str
    label: str
    before: int | None
    after: int | None


def move_label(
    path: Path, name: str, label: str, version: int | None, *, write: bool = True
) -> MovedLabel:
    """Point a model's label at a version in the lock, or remove the label.

    Args:
        path: the lock.
        name: the model.
        label: the label; created if it is new.
        version: the version to point at; None removes the label.
        write: False to return what would happen only.

    Raises:
        LockError: the lock cannot be read or written, or has no such model or version; or the
            label is not a valid name.
    """
    if version is not None and not re.fullmatch(NAME_PATTERN, label):
        reason = f"cannot have the label '{label}'; use letters, digits, '.', '_' and '-'"
        raise LockError(path, reason)

    def change(lock: Lock) -> Lock:
        model = find_model(path, lock, name, version)
        return lock.replaced(name, model.labeled(label, version))

    return moved_label(edit_lock(path, change, write=write), name, label)


def roll_back(
    path: Path, name: str, label: str, to: int | None = None, *, write: bool = True
) -> LockEdit:
    """Return a label to the version that it was on before.

    Args:
        path: the lock.
        name: the model.
        label: the label; the model must have it.
        to: the version; None for the last one that the label was on and that is still locked.
        write: False to return the edit only.

    Raises:
        NoEarlierVersion: the model has no such label, or the lock records no earlier version.
        LockError: the lock cannot be read or written, or has no such model or version.
    """

    def change(lock: Lock) -> Lock:
        model = find_model(path, lock, name, to)
        if label not in model.labels:
            labels = ", ".join(sorted(model.labels)) or "no labels"
            reason = f"has no label '{label}' of model '{name}'; it has {labels}"
            raise NoEarlierVersion(path, reason)
        target = _earlier(path, name, model, label) if to is None else to
        return lock.replaced(name, model.labeled(label, target))

    return edit_lock(path, change, write=write)


def promote_label(
    path: Path, names: Iterable[str], source: str, target: str, *, write: bool = True
) -> LockEdit:
    """Point the label `target` of several models at what their label `source` is on, in one edit.

    Args:
        path: the lock.
        names: the models; none for every model that has the label `source`.
        source: the label of the versions that are promoted.
        target: the label that they get.
        write: False to return the edit only.

    Raises:
        LockError: the lock cannot be read or written, or a named model lacks the label `source`; or
            no model has it.
    """
    wanted = tuple(names)

    def change(lock: Lock) -> Lock:
        chosen = wanted or [name for name in lock.names() if source in lock.model(name).labels]
        if not chosen:
            raise LockError(path, f"has no model with the label '{source}'")
        for name in chosen:
            model = find_model(path, lock, name)
            if source not in model.labels:
                raise LockError(path, f"has no label '{source}' of model '{name}'")
            lock = lock.replaced(name, model.labeled(target, model.labels[source]))
        return lock

    return edit_lock(path, change, write=write)


def moved_label(edit: LockEdit, name: str, label: str) -> MovedLabel:
    """Return what an edit of the lock did to a label."""
    before, after = (lock.model(name).labels.get(label) for lock in (edit.before, edit.after))
    return MovedLabel(name, label, before, after)


def find_model(path: Path, lock: Lock, name: str, version: int | None = None) -> LockedModel:
    """Return a model of the lock, which also has this version if one is given.

    Raises:
        LockError: the lock lacks it.
    """
    model = lock.model(name)
    if not model.versions:
        raise LockError(path, f"has no model '{name}'; package it first")
    if version is not None and version not in model.versions:
        listed = ", ".join(map(str, sorted(model.versions)))
        raise LockError(path, f"has no version {version} of model '{name}'; it has {listed}")
    return model


def _earlier(path: Path, name: str, model: LockedModel, label: str) -> int:
    """Return the last version that the label was on before, among those that are still locked."""
    now = model.labels[label]
    trail = [at for at in model.earlier.get(label, ()) if at in model.versions]
    if trail:
        return trail[-1]
    others = ", ".join(str(at) for at in sorted(model.versions) if at != now)
    advice = f"choose one of {others} with --to" if others else "it is the only version"
    reason = f"records no version of model '{name}' on which '{label}' was before {now}; {advice}"
    raise NoEarlierVersion(path, reason)
