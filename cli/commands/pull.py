"""`lading pull`: bring locked versions onto this machine."""

from typing import Annotated

import typer

from lading.cli.aws.transfers import Labeled, move
from lading.cli.options import LOCK, STORE, Json, Lock, Store
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.versions import open_store


def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all when none.")] = None,
    labeled: Labeled = False,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """Bring versions from S3 into a local store, as the lock pins them.

    Each is verified against the lock, which then also names the local copy. A version that is
    here already costs nothing.

    Examples:

        lading pull

        lading pull digits --labeled

        lading pull --store /mnt/models --json
    """
    target = open_store(store)
    if not isinstance(target, LocalStore):
        raise typer.BadParameter(f"pull needs a folder, --store {STORE}, not {store}")
    move(names or (), target, lock, labeled=labeled, as_json=json_)
