"""Retires versions: removes them from the lock, so that nothing deploys or offers them."""

import datetime as dt
from pathlib import Path

from lading.model_packaging.lock.edits import LockEdit, edit_lock
from lading.model_packaging.lock.file import Lock, LockError, RetiredVersion
from lading.model_packaging.lock.labels import find_model


def retire(path: Path, name: str, version: int, today: dt.date, *, write: bool = True) -> LockEdit:
    """Remove a version from the lock; its files stay in the stores.

    The lock keeps its number and digest: the number is never given to another artifact, and
    packaging the same input again brings the version back.

    Args:
        path: the lock.
        name: the model.
        version: the version; it must have no label, and no graph may use it.
        today: the day to record.
        write: False to return the edit only.

    Raises:
        LockError: the lock cannot be read or written, or lacks the version; or it has a label, or
            is in a graph.
    """

    def change(lock: Lock) -> Lock:
        model = find_model(path, lock, name, version)
        _require_unlabeled(path, name, version, model.labels)
        _require_unused(path, name, version, lock)
        entry = RetiredVersion(digest=model.versions[version].digest, date=today)
        versions = {number: each for number, each in model.versions.items() if number != version}
        trails = {
            label: tuple(at for at in trail if at != version)
            for label, trail in model.earlier.items()
        }
        update = {
            "versions": versions,
            "earlier": {label: trail for label, trail in trails.items() if trail},
            "retired": {**model.retired, version: entry},
        }
        return lock.replaced(name, model.model_copy(update=update))

    return edit_lock(path, change, write=write)


def _require_unlabeled(path: Path, name: str, version: int, labels: dict[str, int]) -> None:
    label = next((label for label, at in sorted(labels.items()) if at == version), None)
    if label is not None:
        raise LockError(
            path,
            f"has the label '{label}' on version {version} of model '{name}', so it cannot be "
            f"retired; move the label (`lading label {name} {label} VERSION`) or remove it "
            f"(`lading label {name} {label} --remove`) first",
        )


def _require_unused(path: Path, name: str, version: int, lock: Lock) -> None:
    graph = lock.graphs_with(name).get(version)
    if graph is not None:
        raise LockError(
            path,
            f"has {graph}, which was tested with version {version} of model '{name}', so that "
            "cannot be retired; retire the graph's version first",
        )
