"""`lading rollback`: return a label to the version that it was on before."""

from dataclasses import asdict
from typing import Annotated

import typer

from lading.api.locked import locked_model
from lading.cli.lock_edits import DryRun, label_line, show_edit, version_of
from lading.cli.options import LOCK, Json, Lock, Name
from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.lock.labels import moved_label, roll_back

_TO = typer.Option(
    "--to",
    metavar="VERSION",
    help="Its number, or another of its labels.",
    show_default="the version that the label was on before",
)


def rollback(
    name: Name,
    to: Annotated[str | None, _TO] = None,
    label: Annotated[str, typer.Option(help="The label to move.")] = DEFAULT_LABEL,
    dry_run: DryRun = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Return a label to the version that it was on before; this changes only the lock.

    Each further rollback goes one more version back. The lock records the last ten versions of a
    label. `lading label` moves the label forward again.

    Examples:

        lading rollback digits

        lading rollback digits --to 2 --dry-run

        lading rollback digits --label canary --json
    """
    locked_model(lock, read_lock(lock), name)
    target = None if to is None else version_of(lock, name, to)
    edit = roll_back(lock, name, label, target, write=not dry_run)
    moved = moved_label(edit, name, label)
    texts = label_line(moved), ", then run `lading deploy` to serve it"
    show_edit(edit, texts, asdict(moved), dry_run=dry_run, as_json=json_)
