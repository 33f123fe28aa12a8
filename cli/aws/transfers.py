"""The common part of `lading pull` and `lading push`."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.errors import NothingLocked
from lading.api.locked import locked_model
from lading.api.progress import live_step
from lading.cli.lock_edits import NOTHING_WRITTEN
from lading.model_packaging.lock.file import LocalCopy, read_lock
from lading.model_packaging.store.transfer import Check, Transferred, transfer
from lading.model_packaging.store.versions import Store

Labeled = Annotated[bool, typer.Option("--labeled", help="Copy only versions that have a label.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="List what would be copied, and write nothing.")
]


def transfer_versions(
    names: Iterable[str],
    target: Store,
    lock: Path,
    check: Check | None = None,
    *,
    labeled: bool,
    as_json: bool,
    dry_run: bool = False,
) -> None:
    """Copy the models' versions one after another, and print the result of each.

    `check` is called with each version; see `transfer.transfer`. With `dry_run` nothing is copied.

    Raises:
        NothingLocked: the lock does not have a model, or is empty.
    """
    if dry_run:
        _preview(_chosen(names, lock, labeled=labeled), target, as_json=as_json)
        return
    done = []
    for name, version in _chosen(names, lock, labeled=labeled):
        with live_step() as show:
            show(f"copy {name} version {version}")
            moved = transfer(name, version, target, lock, check)
        typer.echo(_line(moved), err=as_json)
        done.append(moved)
    if as_json:
        typer.echo(json.dumps([_document(each) for each in done], indent=2))


def _preview(versions: Iterable[tuple[str, int]], target: Store, *, as_json: bool) -> None:
    rows = [
        {"model": name, "version": version, "moved": version not in target.versions(name)}
        for name, version in versions
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = "would be copied" if row["moved"] else "is already there"
        typer.echo(f"{row['model']} version {row['version']} {state}")
    typer.echo(NOTHING_WRITTEN, err=True)


def _chosen(names: Iterable[str], lock: Path, *, labeled: bool) -> list[tuple[str, int]]:
    content = read_lock(lock)
    wanted = list(names) or content.names()
    if not wanted:
        raise NothingLocked(lock, "versions")
    models = {name: locked_model(lock, content, name) for name in wanted}
    return [
        (name, version)
        for name, model in models.items()
        for version in sorted(model.versions)
        if not labeled or version in model.labels.values()
    ]


def _line(done: Transferred) -> str:
    copy = done.copy
    place = copy.path if isinstance(copy, LocalCopy) else f"s3://{copy.bucket}/{copy.key}"
    state = f"copied, {done.bytes:,} bytes" if done.moved else "already there"
    return f"{done.name} version {done.version} {state}: {place}"


def _document(done: Transferred) -> dict[str, Any]:
    document = asdict(done) | {"copy": done.copy.model_dump(mode="json")}
    return {"model": document.pop("name"), **document}
