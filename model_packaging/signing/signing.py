"""Signs versions: when they are published, and later with another key."""

from collections.abc import Mapping

from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import ENGINE
from lading.functions.inference.attestation.bundle import Envelope, encoded, render_bundle
from lading.functions.inference.attestation.statement import render_statement
from lading.model_packaging.signing.keys import SigningKey
from lading.model_packaging.store.engine_files import EngineFiles
from lading.model_packaging.store.publication import Seal


def sign(
    key: SigningKey,
    name: str,
    version: int,
    files: Mapping[str, bytes],
    engine: EngineFiles | None = None,
) -> bytes:
    """Return the bundle of a version.

    Args:
        key: the key that signs.
        name: the model.
        version: its version.
        files: the files of its folder, by name.
        engine: the files of its engine; each is verified against its digest when it is read.

    Raises:
        KeyUnusable: the key does not sign.
    """
    digests = {file: sha256(content) for file, content in files.items()}
    listed = engine.files if engine else {}
    digests |= {f"{ENGINE}/{path}": file.digest for path, file in listed.items()}
    payload = render_statement(name, version, digests)
    return render_bundle(Envelope(payload, key.sign(encoded(payload)), key.id))


def seal(key: SigningKey) -> Seal:
    """Return what signs a version with this key once its number is known."""
    return lambda name, version, built: sign(key, name, version, built.files, built.engine)
