"""The locks before and after an update that is rehearsed; the project's own lock stays as it is."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import typer

from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.file import LocalCopy, Lock, read_lock, render_lock
from lading.model_packaging.lock.labels import move_label, roll_back


class RehearsedUpdate(NamedTuple):
    """What is rehearsed.

    Args:
        model: name of the model.
        old: the version that serves.
        new: the version that follows it.
        before: a lock in which `stable` is on the old version.
        after: a lock in which it is on the new one.
    """

    model: str
    old: int
    new: int
    before: Path
    after: Path


def plan_update(lock: Path, folder: Path, name: str, to: int | None) -> RehearsedUpdate:
    """Write the lock before and after an update into a folder.

    Args:
        lock: models.lock.json.
        folder: where they are written.
        name: the model.
        to: the version to update to; None: the one that is `stable`, from the one before it.

    Raises:
        NoEarlierVersion: the lock records no version on which `stable` was before.
        LockError: the lock has no such model or version.
        BadParameter: nothing would change, or a version does not run on Lambda.
    """
    content = render_lock(_absolute(read_lock(lock), lock.resolve().parent))
    before, after = folder / "before.lock.json", folder / "after.lock.json"
    for path in (before, after):
        path.write_bytes(content)
    if to is None:
        roll_back(before, name, DEFAULT_LABEL)
    else:
        move_label(after, name, DEFAULT_LABEL, to)
    old, new = (read_lock(path).model(name).labels.get(DEFAULT_LABEL) for path in (before, after))
    if old is None or new is None or old == new:
        raise typer.BadParameter(f"'{name}' is on version {old} before; name another one with --to")
    _require_lambda(read_lock(after), name, old, new)
    return RehearsedUpdate(name, old, new, before, after)


def updatable_model(names: Iterable[str], lock: Path, to: str | None) -> str:
    """Return the model to update where none is named.

    Args:
        names: the models of the manifest.
        lock: models.lock.json.
        to: what to update to; None: the stable version.

    Raises:
        BadParameter: there is none, or several could have a version `to`.
    """
    locked = read_lock(lock)
    stable = [name for name in names if DEFAULT_LABEL in locked.model(name).labels]
    if to is not None and len(stable) > 1:
        raise typer.BadParameter(f"--to needs --model: one of {', '.join(stable)}")
    found = [name for name in stable if to or locked.model(name).earlier.get(DEFAULT_LABEL)]
    if not found:
        reason = f"{lock} records no model whose label '{DEFAULT_LABEL}' was on a version before"
        raise typer.BadParameter(f"{reason}; name the next version with --to")
    return found[0]


def _require_lambda(lock: Lock, name: str, *versions: int) -> None:
    for version in versions:
        if lock.model(name).versions[version].target == "sagemaker":
            reason = "has an endpoint, which the emulator never updates"
            raise typer.BadParameter(
                f"version {version} of '{name}' {reason}; choose a model on Lambda"
            )


def _absolute(lock: Lock, root: Path) -> Lock:
    """Return the lock with places of local copies that are right in any folder."""
    for name, model in lock.root.items():
        versions = {}
        for number, entry in model.versions.items():
            stores = tuple(
                copy.model_copy(update={"path": str(root / copy.path)})
                if isinstance(copy, LocalCopy)
                else copy
                for copy in entry.stores
            )
            versions[number] = entry.model_copy(update={"stores": stores})
        lock = lock.replaced(name, model.model_copy(update={"versions": versions}))
    return lock
