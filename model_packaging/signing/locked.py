"""Verifies a version by the lock, without reading its model: what a deployment relies on.

The lock pins the digest of artifact.json, which pins every other file, and whoever loads the
version compares them. So a signature over this digest is a signature over what is loaded, and a
function on Lambda needs no cryptography.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import SPECIFICATION
from lading.functions.inference.attestation.enforcement import Report, enforce, files_in
from lading.functions.inference.attestation.verification import Claim, Trust, claim_of
from lading.model_packaging.lock.file import LocalCopy, LockedVersion, S3Copy
from lading.model_packaging.signing.errors import needs_cryptography
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.versions import store_of


@dataclass(frozen=True, slots=True)
class LockedCopy:
    """A copy of a version of the lock.

    Args:
        name: the model.
        version: its version.
        entry: its entry in the lock.
        copy: the copy. Of one in S3 only the signature is read.
        lock: path of the lock.
    """

    name: str
    version: int
    entry: LockedVersion
    copy: LocalCopy | S3Copy
    lock: Path

    def claim(self) -> Claim:
        """Return the claim of the version; that of a copy in S3 has only what the lock says.

        Raises:
            StoreError: a local copy cannot be read, or its artifact.json is not the locked one.
        """
        digest = self.entry.digest
        if isinstance(self.copy, S3Copy):
            return Claim(self.name, self.version, {SPECIFICATION: digest}, None)
        root = self.lock.parent / self.copy.path
        folder = root / artifact_folder(self.name, self.version)
        document = _specification(self.name, folder, digest)
        return claim_of(self.name, self.version, digest, document, files_in(folder))

    def bundle(self) -> bytes | None:
        """Return the signature of the version; None if it has none.

        Raises:
            StoreError: it cannot be read.
        """
        store = store_of(self.copy, self.name, self.version, self.lock)
        return store.attestation(self.name, self.version, self.entry.digest)


def check_locked(trust: Trust, locked: LockedCopy, report: Report) -> None:
    """Refuse or report a version of the lock without a valid signature.

    Args:
        trust: which signatures are accepted.
        locked: the copy to deploy.
        report: told of a version without a valid signature, if it is accepted nevertheless.

    Raises:
        SignatureRefused: it must have a valid signature.
        StoreError: the copy cannot be read.
    """
    if trust.mode != "off":
        with needs_cryptography():
            enforce(trust, locked.claim(), locked.bundle(), report)


def _specification(name: str, folder: Path, digest: str) -> dict[str, Any]:
    try:
        content = (folder / SPECIFICATION).read_bytes()
        if sha256(content) == digest:
            return dict(json.loads(content))
    except (OSError, ValueError) as error:
        raise StoreError(name, folder, f"cannot be read: {error}") from error
    raise StoreError(name, folder, f"has another {SPECIFICATION} than the lock; package it again")
