"""Moves labels by hand: promotes a version or brings one back, without packaging."""

import re
from dataclasses import dataclass
from pathlib import Path

from lading.functions.contract.names import NAME_PATTERN
from lading.model_packaging.lock.file import Lock, LockedModel, LockError, read_lock, render_lock
from lading.model_packaging.store.durable import exclusive, replace_file


@dataclass(frozen=True, slots=True)
class MovedLabel:
    """A label, and the versions that it pointed at before and points at now; None for none."""

    model: str
    label: str
    before: int | None
    after: int | None


def move_label(path: Path, name: str, label: str, version: int | None) -> MovedLabel:
    """Point a model's label at a version in the lock, or remove the label.

    Args:
        path: the lock.
        name: the model.
        label: the label; created if it is new.
        version: the version to point at; None removes the label.

    Raises:
        LockError: the lock cannot be read or written, or has no such model or version; or the
            label is not a valid name.
    """
    if version is not None and not re.fullmatch(NAME_PATTERN, label):
        reason = f"cannot have the label '{label}'; use letters, digits, '.', '_' and '-'"
        raise LockError(path, reason)
    try:
        with exclusive(path.with_name(f".{path.name}.guard")):
            lock = read_lock(path)
            model = _find(path, lock, name, version)
            labels = {known: at for known, at in model.labels.items() if known != label}
            if version is not None:
                labels[label] = version
            changed = LockedModel(versions=model.versions, labels=labels)
            if changed != model:
                replace_file(path, render_lock(Lock({**lock.root, name: changed})))
            return MovedLabel(name, label, model.labels.get(label), version)
    except OSError as error:
        raise LockError(path, f"cannot be written: {error.strerror}") from error


def _find(path: Path, lock: Lock, name: str, version: int | None) -> LockedModel:
    model = lock.model(name)
    if not model.versions:
        raise LockError(path, f"has no model '{name}'; package it first")
    if version is not None and version not in model.versions:
        listed = ", ".join(map(str, sorted(model.versions)))
        raise LockError(path, f"has no version {version} of model '{name}'; it has {listed}")
    return model
