"""What becomes of a version without a valid signature: refused, reported, or neither."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from lading.functions.contract.errors import ArtifactError, SignatureRefused
from lading.functions.contract.settings import ServedModel
from lading.functions.inference.artifact.specification import Artifact
from lading.functions.inference.attestation.bundle import MAX_BUNDLE_BYTES
from lading.functions.inference.attestation.statement import BUNDLE
from lading.functions.inference.attestation.verification import Claim, Trust, claim_of, verify

Report = Callable[[str], object]
"""Tells the user that a version has no valid signature."""
Remote = Callable[[str, int, str], bytes | None]
"""Returns the signature of a version in S3, by model, version and digest; None without one."""


def enforce(trust: Trust, claim: Claim, bundle: bytes | None, report: Report) -> None:
    """Verify a version, unless signatures are off.

    Without a trusted key, a version without a signature is what everyone expects: nothing is said.

    Raises:
        SignatureRefused: it has no valid signature, and must have one.
    """
    if trust.mode == "off" or (bundle is None and not trust.expected):
        return
    try:
        verify(claim, bundle, trust.keys)
    except SignatureRefused as error:
        if trust.mode == "required":
            raise
        report(str(error))


def log_warning(text: str) -> None:
    """Report to the process's log."""
    logging.getLogger("lading.signatures").warning(text)


def _no_remote(_name: str, _version: int, _digest: str) -> bytes | None:
    return None


def remote_attestations(models: Iterable[ServedModel]) -> Remote:
    """Return what reads the signature of a version that is in S3."""
    places = {
        (model.name, version): place for model in models for version, place in model.remote.items()
    }

    def read(name: str, version: int, digest: str) -> bytes | None:
        if (name, version) not in places:
            return None
        from lading.functions.inference.artifact.remote import read_remote_attestation

        place = places[name, version]
        return read_remote_attestation(place, name, version, digest, MAX_BUNDLE_BYTES + 1)

    return read


class FolderCheck:
    """Verifies each artifact that is loaded from a folder; see `loading.catalog.Check`.

    Args:
        trust: which signatures are accepted.
        remote: returns the signature of a version that was read from S3.
        report: told of versions without a valid signature, if they are loaded nevertheless.
    """

    def __init__(
        self, trust: Trust, remote: Remote = _no_remote, report: Report = log_warning
    ) -> None:
        self._trust, self._remote, self._report = trust, remote, report

    def __call__(self, name: str, version: int, artifact: Artifact, folder: Path) -> None:
        """Verify a version.

        Raises:
            SignatureRefused: it has no valid signature, and must have one.
        """
        if self._trust.mode == "off":
            return
        if not artifact.specification:
            claim = Claim(name, version, {}, None)
            bundle = None
        elif folder.is_dir():
            present = files_in(folder)
            claim = claim_of(name, version, artifact.digest, artifact.specification, present)
            bundle = read_bundle_file(folder)
        else:
            claim = claim_of(name, version, artifact.digest, artifact.specification)
            bundle = self._remote(name, version, artifact.digest)
        enforce(self._trust, claim, bundle, self._report)


def files_in(folder: Path) -> list[str]:
    """Return the paths of all files and links below a folder, relative to it."""
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    ]


def read_bundle_file(folder: Path) -> bytes | None:
    """Return the bundle of a version's folder; None if it has none. It is never too large."""
    try:
        with (folder / BUNDLE).open("rb") as file:
            return file.read(MAX_BUNDLE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArtifactError(f"{BUNDLE} cannot be read: {error.strerror}") from error
