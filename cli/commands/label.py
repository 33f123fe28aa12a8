"""`lading label`: promote a version, or return to an earlier one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.locked import chosen_version
from lading.cli.options import LOCK, Json, Lock, Name
from lading.model_packaging.lock.labels import MovedLabel, move_label

_MOST_DIGITS = 18

_VERSION = typer.Argument(metavar="VERSION", help="Its number, or another of its labels.")


def label(
    name: Name,
    label: Annotated[str, typer.Argument(help="The label, such as `stable`.")],
    to: Annotated[str | None, _VERSION] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the label.")] = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Point a label at a version; this changes only the lock.

    The version labeled `stable` is deployed: commit the lock, then deploy.

    Examples:

        lading label digits stable canary

        lading label digits stable 1

        lading label digits canary --remove --json
    """
    if remove == (to is not None):
        raise typer.BadParameter("give either a version for the label, or --remove")
    moved = move_label(lock, name, label, None if to is None else _version(lock, name, to))
    if json_:
        typer.echo(json.dumps(asdict(moved)))
        return
    typer.echo(_line(moved))
    if moved.before != moved.after:
        typer.echo(f"commit {lock}, then run `cdk deploy --all` to serve it", err=True)


def _version(lock: Path, name: str, to: str) -> int:
    """Return the version with this number or label."""
    if to.isascii() and to.isdecimal() and len(to) <= _MOST_DIGITS:
        return chosen_version(lock, name, version=int(to))
    return chosen_version(lock, name, label=to)


def _line(moved: MovedLabel) -> str:
    if moved.before == moved.after:
        state = f"is already on version {moved.after}" if moved.after else "does not exist"
    elif moved.after is None:
        state = f"was removed from version {moved.before}"
    else:
        state = f"is on version {moved.after}"
        state += f", before on {moved.before}" if moved.before else ""
    return f"{moved.model}: {moved.label} {state}"
