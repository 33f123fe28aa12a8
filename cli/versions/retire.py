"""`lading retire`: remove a version from the lock."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from lading.api.locked import chosen_version
from lading.cli.lock_edits import DryRun, show_edit
from lading.cli.options import LOCK, Json, Lock, Name
from lading.model_packaging.lock.retirement import retire as retire_version


def retire(
    name: Name,
    version: Annotated[int, typer.Argument(help="Its number; it must have no label.")],
    dry_run: DryRun = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Remove a version from the lock, so that nothing deploys, serves or lists it.

    Its files stay in the stores until `lading gc --delete` removes them. Until then an older
    commit of the lock still loads it, and packaging the same input again brings it back. Its
    number is never given to another version.

    Examples:

        lading retire digits 1

        lading retire digits 1 --dry-run

        lading retire digits 1 --json
    """
    chosen_version(lock, name, version)
    today = datetime.now(UTC).date()
    edit = retire_version(lock, name, version, today, write=not dry_run)
    retired = edit.after.model(name).retired[version]
    document = {"model": name, "version": version, "digest": retired.digest}
    texts = f"{name} version {version} is retired", "; `lading gc` can remove its files later"
    show_edit(edit, texts, document, dry_run=dry_run, as_json=json_)
