"""`lading pull`: copy locked versions from S3 to this machine."""

import typer

from lading.cli.aws.transfers import Labeled, transfer_versions
from lading.cli.options import LOCK, STORE, Json, Lock, Names, Store
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.versions import open_store


def pull(
    names: Names = None,
    labeled: Labeled = False,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """Copy versions from S3 into a local folder, as the lock pins them.

    Each version is verified against the lock, and the lock then also names the local copy. A
    version that is already there is not copied again.

    Examples:

        lading pull

        lading pull digits --labeled

        lading pull --store /mnt/models --json
    """
    target = open_store(store)
    if not isinstance(target, LocalStore):
        raise typer.BadParameter(f"pull needs a folder such as --store {STORE}, got {store}")
    transfer_versions(names or (), target, lock, labeled=labeled, as_json=json_)
