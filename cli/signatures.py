"""What the commands that verify signatures share: the trusted keys of a stage, and a verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from lading.api.errors import NothingLocked
from lading.api.locked import chosen_version, locked_model
from lading.cli.settings import colors
from lading.functions.contract.errors import SignatureRefused
from lading.functions.inference.attestation.verification import signer_of, verify
from lading.model_packaging.lock.file import LocalCopy, LockedVersion, read_lock
from lading.model_packaging.signing.errors import needs_cryptography
from lading.model_packaging.signing.locked import LockedCopy
from lading.model_packaging.signing.trust import Trust
from lading.model_packaging.store.errors import StoreError
from lading.stacks.stages.settings import load_deployment
from lading.stacks.stages.signatures import stage_trust

Stage = Annotated[
    str, typer.Option(envvar="LADING_STAGE", help="Stage whose keys for signatures count.")
]
Stages = Annotated[Path, typer.Option(help="File of stages; may be missing.")]
Version = Annotated[int | None, typer.Option(help="Version of the model.", show_default="all")]
SigningKey = Annotated[
    str | None,
    typer.Option(envvar="LADING_SIGNING_KEY", help="Private key: PEM file, or awskms:///KEY."),
]

STAGE = "dev"
STAGES = Path("stages.yaml")


def trust_of_stage(stages: Path, stage: str) -> Trust:
    """Return which signatures a stage accepts."""
    deployment = load_deployment(stages, stage)
    return stage_trust(deployment.settings.signatures, deployment.folder, stage)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    typer.secho(f"warning: {text}", err=True, fg="yellow", color=colors())


def chosen_versions(
    lock: Path, names: Iterable[str], version: int | None
) -> list[tuple[str, int, LockedVersion]]:
    """Return a version of each model, or all versions, in ascending order.

    Raises:
        NothingLocked: the lock does not have one, or is empty.
    """
    content = read_lock(lock)
    wanted = list(names) or content.names()
    if not wanted:
        raise NothingLocked(lock, "versions")
    models = {name: locked_model(lock, content, name).versions for name in wanted}
    return [
        (name, number, versions[number])
        for name, versions in models.items()
        for number in (
            sorted(versions) if version is None else [chosen_version(lock, name, version)]
        )
    ]


@dataclass(frozen=True, slots=True)
class Signature:
    """The state of a version's signature.

    Args:
        state: `valid`; `unverified`, if no key is trusted; `missing`; `refused`.
        key: id of the key that it names; empty without a signature.
        reason: why it is not valid.
    """

    state: Literal["valid", "unverified", "missing", "refused"]
    key: str = ""
    reason: str = ""


def local_signature(
    trust: Trust, name: str, version: int, entry: LockedVersion, lock: Path
) -> Signature | None:
    """Return the state of the signature of a local copy; None if there is no local copy.

    The lock's digest is compared, the model itself is not read; `lading verify` reads it.
    """
    for copy in entry.stores:
        if isinstance(copy, LocalCopy):
            try:
                return _state(trust, LockedCopy(name, version, entry, copy, lock))
            except StoreError:
                continue
    return None


def _state(trust: Trust, locked: LockedCopy) -> Signature:
    bundle = locked.bundle()
    if bundle is None:
        return Signature("missing")
    try:
        key = signer_of(bundle)
        if not trust.keys:
            return Signature("unverified", key)
        with needs_cryptography():
            return Signature("valid", verify(locked.claim(), bundle, trust.keys))
    except SignatureRefused as error:
        return Signature("refused", key, error.reason)
    except ValueError as error:
        return Signature("refused", "", f"it {error}")
