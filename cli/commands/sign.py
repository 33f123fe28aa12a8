"""`lading sign`: sign published versions, also with another key than before."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.progress import live_step
from lading.cli.errors import Unwritable
from lading.cli.options import LOCK, Json, Lock, Names
from lading.cli.signatures import SigningKey, Version, chosen_versions
from lading.functions.inference.attestation.verification import short
from lading.model_packaging.lock.file import LockedVersion
from lading.model_packaging.signing import keys
from lading.model_packaging.signing.signing import sign as sign_files
from lading.model_packaging.store.transfer import read_nearest
from lading.model_packaging.store.versions import store_of

_PUBLIC = typer.Option(help="File to write the public key to, for stages.yaml.")


def sign(
    names: Names = None,
    version: Version = None,
    signing_key: SigningKey = None,
    public_key: Annotated[Path | None, _PUBLIC] = None,
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
    """
    if signing_key is None:
        raise typer.BadParameter("name the private key with --signing-key or LADING_SIGNING_KEY")
    key = keys.open_key(signing_key)
    if public_key is not None:
        _write(public_key, key.public_pem)
    rows = []
    for name, number, entry in chosen_versions(lock, names or (), version):
        with live_step() as show:
            show(f"sign {name} version {number}")
            places = _sign(key, name, number, entry, lock)
        rows.append({"model": name, "version": number, "key": key.id, "places": places})
        line = f"{name} version {number} signed with key {short(key.id)}: {', '.join(places)}"
        typer.echo(line, err=json_)
    if json_:
        typer.echo(json.dumps(rows, indent=2))


def _sign(
    key: keys.SigningKey, name: str, version: int, entry: LockedVersion, lock: Path
) -> list[str]:
    """Sign a version, and return the places that have the signature."""
    published = read_nearest(name, version, entry, lock)
    if published.engine:
        published.engine.verify()
    bundle = sign_files(key, name, version, published.files, published.engine)
    places: list[Any] = []
    for copy in entry.stores:
        store_of(copy, name, version, lock).attest(name, version, entry.digest, bundle)
        places.append(copy.path if copy.kind == "local" else f"s3://{copy.bucket}/{copy.key}")
    return places


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise Unwritable(path, error) from error
