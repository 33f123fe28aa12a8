"""`lading verify`: verify the content and the signature of versions."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.progress import live_step
from lading.cli.error_output import exit_code, print_error
from lading.cli.options import LOCK, Json, Lock, Names
from lading.cli.signatures import (
    STAGE,
    STAGES,
    Stage,
    Stages,
    Version,
    chosen_versions,
    trust_of_stage,
)
from lading.functions.contract.errors import SignatureRefused
from lading.functions.inference.attestation.verification import short
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.lock.file import LockedVersion
from lading.model_packaging.signing.errors import needs_cryptography
from lading.model_packaging.signing.trust import Trust, read_trust, verify_published
from lading.model_packaging.store.transfer import read_nearest

_KEYS = typer.Option(help="Trusted public key in PEM; repeat for more. Otherwise the stage's.")


def verify(
    names: Names = None,
    version: Version = None,
    key: Annotated[list[Path] | None, _KEYS] = None,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Verify every file of versions, and their signatures against trusted keys.

    It reads the nearest copy that the lock names, whatever the policy of the stage is, and fails
    if one version has no valid signature.

    Examples:

        lading verify --key keys/release.pem

        lading verify digits --version 3 --stage prod --json
    """
    trust = read_trust("warn", key) if key else trust_of_stage(stages, stage)
    if not trust.keys:
        where = f"stages.{stage}.signatures.key in {stages}"
        raise typer.BadParameter(f"no key is trusted; name a public key with --key, or as {where}")
    rows: list[dict[str, Any]] = []
    code = 0
    for name, number, entry in chosen_versions(lock, names or (), version):
        row: dict[str, Any] = {"model": name, "version": number, "valid": True, "reason": None}
        try:
            with live_step() as show:
                show(f"verify {name} version {number}")
                row["key"] = _verify(trust, name, number, entry, lock)
            line = f"{name} version {number} is valid, signed with key {short(row['key'])}"
            typer.echo(line, err=json_)
        except (SignatureRefused, PackagingError) as error:
            print_error(error)
            row |= {"valid": False, "reason": str(error), "key": None}
            code = exit_code(error)
        rows.append(row)
    if json_:
        typer.echo(json.dumps(rows, indent=2))
    if code:
        raise typer.Exit(code)


def _verify(trust: Trust, name: str, version: int, entry: LockedVersion, lock: Path) -> str:
    """Return the id of the key that signed a version, after reading all of its files."""
    published = read_nearest(name, version, entry, lock)
    if published.engine:
        published.engine.verify()
    with needs_cryptography():
        return verify_published(trust, name, version, published)
