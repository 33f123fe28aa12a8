"""`lading pull`: copy locked versions from S3 to this machine."""

import typer

from lading.cli.aws.transfers import DryRun, Labeled, transfer_versions
from lading.cli.options import LOCK, STORE, Json, Lock, Names, Store
from lading.cli.signatures import STAGE, STAGES, Stage, Stages, trust_of_stage, warn
from lading.model_packaging.signing.trust import check_published
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Published
from lading.model_packaging.store.versions import open_store


def pull(
    names: Names = None,
    labeled: Labeled = False,
    dry_run: DryRun = False,
    lock: Lock = LOCK,
    store: Store = STORE,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    json_: Json = False,
) -> None:
    """Copy versions from S3 into a local folder, as the lock pins them.

    Each version is verified against the lock, and its signature against the keys that the stage
    trusts. The lock then also names the local copy. A version that is already there is not copied
    again.

    Examples:

        lading pull

        lading pull digits --labeled --dry-run

        lading pull --stage prod

        lading pull --store /mnt/models --json
    """
    target = open_store(store)
    if not isinstance(target, LocalStore):
        raise typer.BadParameter(f"pull needs a folder such as --store {STORE}, got {store}")
    trust = trust_of_stage(stages, stage)

    def check(name: str, version: int, published: Published) -> None:
        check_published(trust, name, version, published, warn)

    transfer_versions(
        names or (), target, lock, check, labeled=labeled, as_json=json_, dry_run=dry_run
    )
