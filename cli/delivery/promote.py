"""`lading promote`: let the candidates of several models become the stable versions."""

from dataclasses import asdict
from typing import Annotated

import typer

from lading.cli.lock_edits import DryRun, label_line, show_edit
from lading.cli.options import LOCK, Json, Lock, Names
from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.labels import moved_label, promote_label

CANDIDATE = "candidate"

_FROM = typer.Option("--from", help="The label of the versions to promote.")
_TO = typer.Option("--to", help="The label that they get.")


def promote(
    names: Names = None,
    source: Annotated[str, _FROM] = CANDIDATE,
    to: Annotated[str, _TO] = DEFAULT_LABEL,
    dry_run: DryRun = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Point the label `stable` at each model's candidate, in one edit of the lock.

    `lading package --label candidate` gives a new version that label only, so that it can be
    deployed and watched before the lock says that it is stable. Without names, every model that has
    the label is promoted. `lading rollback` takes a promotion back.

    Examples:

        lading promote

        lading promote digits --from canary --dry-run

        lading promote --json
    """
    edit = promote_label(lock, names or (), source, to, write=not dry_run)
    chosen = names or [
        name for name in edit.after.names() if source in edit.after.model(name).labels
    ]
    moved = [moved_label(edit, name, to) for name in chosen]
    texts = "\n".join(map(label_line, moved)), ", then run `lading deploy` to serve it"
    document = {"promoted": [asdict(each) for each in moved]}
    show_edit(edit, texts, document, dry_run=dry_run, as_json=json_)
