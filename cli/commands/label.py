"""`lading label`: promote a version, or go back to one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.locked import chosen_version
from lading.cli.options import LOCK, Json, Lock
from lading.model_packaging.lock.labels import MovedLabel, move_label

_MOST_DIGITS = 18


def label(
    name: Annotated[str, typer.Argument(help="The model.")],
    label: Annotated[str, typer.Argument(help="The label, as `stable`.")],
    to: Annotated[
        str | None,
        typer.Argument(metavar="VERSION", help="A version's number, or another label of it."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the label away.")] = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Point a label at a version, in the lock alone.

    The version labeled `stable` is the one that is deployed: commit the lock, and deploy.

    Examples:

        lading label digits stable canary

        lading label digits stable 1

        lading label digits canary --remove --json
    """
    if remove == (to is not None):
        raise typer.BadParameter("give a version for the label, or --remove")
    moved = move_label(lock, name, label, None if to is None else _version(lock, name, to))
    if json_:
        typer.echo(json.dumps(asdict(moved)))
        return
    typer.echo(_line(moved))
    if moved.before != moved.after:
        typer.echo(f"commit {lock}, and `cdk deploy --all` to serve it so", err=True)


def _version(lock: Path, name: str, to: str) -> int:
    """The version that a number or a label means."""
    if to.isascii() and to.isdecimal() and len(to) <= _MOST_DIGITS:
        return chosen_version(lock, name, version=int(to))
    return chosen_version(lock, name, label=to)


def _line(moved: MovedLabel) -> str:
    if moved.before == moved.after:
        state = f"is on version {moved.after} already" if moved.after else "is not there"
    elif moved.after is None:
        state = f"is gone from version {moved.before}"
    else:
        state = f"is on version {moved.after}"
        state += f", and was on {moved.before}" if moved.before else ""
    return f"{moved.model}: {moved.label} {state}"
