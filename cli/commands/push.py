"""`lading push`: put locked versions into S3."""

from typing import Annotated

import typer

from lading.cli.aws.transfers import Labeled, move
from lading.cli.options import LOCK, STORE, Json, Lock, Store
from lading.model_packaging.store.s3 import S3Store
from lading.model_packaging.store.versions import open_store


def push(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all when none.")] = None,
    labeled: Labeled = False,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """Put versions from this machine into a versioned S3 bucket.

    Each is verified against the lock, which then also pins the object's version. A version that
    is there already costs nothing; nothing is ever overwritten.

    Examples:

        lading push --store s3://my-bucket/models

        lading push digits --labeled --store s3://my-bucket/models --json
    """
    target = open_store(store)
    if not isinstance(target, S3Store):
        raise typer.BadParameter(f"push needs --store s3://bucket/prefix, not {store}")
    move(names or (), target, lock, labeled=labeled, as_json=json_)
