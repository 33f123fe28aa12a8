"""`lading sign`: sign published versions, also with another key than before."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lading.api.progress import live_step
from lading.cli.errors import Unwritable
from lading.cli.lock_edits import NOTHING_WRITTEN
from lading.cli.options import LOCK, Json, Lock, Names
from lading.cli.signatures import SigningKey, Version, chosen_versions
from lading.functions.inference.attestation.verification import short
from lading.model_packaging.lock.file import Copy, LocalCopy, LockedVersion
from lading.model_packaging.signing import keys
from lading.model_packaging.signing.signing import sign as sign_files
from lading.model_packaging.store.publication import Published
from lading.model_packaging.store.transfer import read_nearest
from lading.model_packaging.store.versions import store_of

_DRY = typer.Option("--dry-run", help="List what would be signed, and write nothing.")
_PUBLIC = typer.Option(help="File to write the public key to, for stages.yaml.")


def sign(
    names: Names = None,
    version: Version = None,
    signing_key: SigningKey = None,
    public_key: Annotated[Path | None, _PUBLIC] = None,
    dry_run: Annotated[bool, _DRY] = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Sign versions in every place that the lock names, as OpenSSF Model Signing does.

    Each version is verified against the lock first. The new signature takes the place of an older
    one. `lading package --signing-key` signs new versions as it publishes them.

    Examples:

        openssl ecparam -name prime256v1 -genkey -noout -out private.pem

        lading sign --signing-key private.pem --public-key keys/release.pem

        lading sign digits --version 3 --signing-key awskms:///alias/models --json

        lading sign --signing-key private.pem --dry-run
    """
    if signing_key is None:
        raise typer.BadParameter("name the private key with --signing-key or LADING_SIGNING_KEY")
    key = keys.open_key(signing_key)
    if public_key is not None and not dry_run:
        _write(public_key, key.public_pem)
    rows = []
    for name, number, entry in chosen_versions(lock, names or (), version):
        with live_step() as show:
            show(f"sign {name} version {number}")
            published = _verified(name, number, entry, lock)
            if not dry_run:
                _sign(key, published, number, entry, lock)
        places = [_place(copy) for copy in entry.stores]
        rows.append({"model": name, "version": number, "key": key.id, "places": places})
        state = "would be signed" if dry_run else "signed"
        line = f"{name} version {number} {state} with key {short(key.id)}: {', '.join(places)}"
        typer.echo(line, err=json_)
    if dry_run:
        typer.echo(NOTHING_WRITTEN, err=True)
    if json_:
        typer.echo(json.dumps(rows, indent=2))


def _verified(name: str, version: int, entry: LockedVersion, lock: Path) -> Published:
    published = read_nearest(name, version, entry, lock)
    if published.engine:
        published.engine.verify()
    return published


def _sign(
    key: keys.SigningKey, published: Published, version: int, entry: LockedVersion, lock: Path
) -> None:
    """Sign a version in every place that has it."""
    name = published.artifact.name
    bundle = sign_files(key, name, version, published.files, published.engine)
    for copy in entry.stores:
        store_of(copy, name, version, lock).attest(name, version, entry.digest, bundle)


def _place(copy: Copy) -> str:
    return copy.path if isinstance(copy, LocalCopy) else f"s3://{copy.bucket}/{copy.key}"


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise Unwritable(path, error) from error
