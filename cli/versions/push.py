"""`lading push`: copy locked versions from this machine to S3."""

import typer

from lading.cli.aws.transfers import DryRun, Labeled, transfer_versions
from lading.cli.options import LOCK, STORE, Json, Lock, Names, Store
from lading.model_packaging.store.s3 import S3Store
from lading.model_packaging.store.versions import open_store


def push(
    names: Names = None,
    labeled: Labeled = False,
    dry_run: DryRun = False,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """Copy versions from this machine into a versioned S3 bucket.

    Each version is verified against the lock, and the lock then also pins the object's version. A
    version that is already there is not copied again, and nothing is overwritten.

    Examples:

        lading push --store s3://my-bucket/models

        lading push digits --labeled --store s3://my-bucket/models --json

        lading push --store s3://my-bucket/models --dry-run
    """
    target = open_store(store)
    if not isinstance(target, S3Store):
        raise typer.BadParameter(f"push needs --store s3://bucket/prefix, got {store}")
    transfer_versions(names or (), target, lock, labeled=labeled, as_json=json_, dry_run=dry_run)
