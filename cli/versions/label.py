"""`lading label`: promote a version, or return to an earlier one."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from lading.cli.lock_edits import NOTHING_WRITTEN, DryRun, label_line, version_of
from lading.cli.options import LOCK, Json, Lock, Name
from lading.model_packaging.lock.labels import move_label

_VERSION = typer.Argument(metavar="VERSION", help="Its number, or another of its labels.")


def label(
    name: Name,
    label: Annotated[str, typer.Argument(help="The label, such as `stable`.")],
    to: Annotated[str | None, _VERSION] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the label.")] = False,
    dry_run: DryRun = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Point a label at a version; this changes only the lock.

    The version labeled `stable` is deployed: commit the lock, then deploy.

    Examples:

        lading label digits stable canary

        lading label digits stable 1 --dry-run

        lading label digits canary --remove --json
    """
    if remove == (to is not None):
        raise typer.BadParameter("give either a version for the label, or --remove")
    version = None if to is None else version_of(lock, name, to)
    moved = move_label(lock, name, label, version, write=not dry_run)
    if json_:
        typer.echo(json.dumps(asdict(moved)))
        return
    typer.echo(label_line(moved))
    if dry_run:
        typer.echo(NOTHING_WRITTEN, err=True)
    elif moved.before != moved.after:
        typer.echo(f"commit {lock}, then run `lading deploy` to serve it", err=True)
