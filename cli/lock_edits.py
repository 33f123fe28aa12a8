"""The common part of the commands that edit the lock."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.locked import chosen_version
from lading.model_packaging.lock.edits import LockEdit
from lading.model_packaging.lock.labels import MovedLabel

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the change of the lock, and write nothing.")
]

NOTHING_WRITTEN = "nothing was written; run the command without --dry-run to write it"

_MOST_DIGITS = 18


def version_of(lock: Path, name: str, word: str) -> int:
    """Return the version of a model with this number or label.

    Raises:
        NothingLocked: the lock does not have it.
    """
    if word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS:
        return chosen_version(lock, name, version=int(word))
    return chosen_version(lock, name, label=word)


def label_line(moved: MovedLabel) -> str:
    """Return what happened to a label, as one line for users."""
    if moved.before == moved.after:
        state = f"is already on version {moved.after}" if moved.after else "does not exist"
    elif moved.after is None:
        state = f"was removed from version {moved.before}"
    else:
        state = f"is on version {moved.after}"
        state += f", before on {moved.before}" if moved.before else ""
    return f"{moved.model}: {moved.label} {state}"


def show_edit(
    edit: LockEdit,
    texts: tuple[str, str],
    document: dict[str, Any],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Print an edit of the lock with its diff.

    Args:
        edit: the edit.
        texts: what happened, and what to do after the commit.
        document: the same as a JSON object.
        dry_run: the edit was not written.
        as_json: print one JSON object.
    """
    line, advice = texts
    if as_json:
        written = bool(edit.diff) and not dry_run
        shown = {**document, "lock": str(edit.path), "written": written, "diff": edit.diff}
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo(line)
    typer.echo(edit.diff, nl=False)
    if dry_run:
        typer.echo(NOTHING_WRITTEN, err=True)
    elif edit.diff:
        typer.echo(f"commit {edit.path}{advice}", err=True)
