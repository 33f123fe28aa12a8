"""Verifies the signature of a version against trusted keys; nothing of it is read from disk here.

A version is what its signature says if all of this holds:

1. A trusted key signed the bundle.
2. The subject is this version of this model: `models/<name>/<version>`, or `<version>` alone as
   model-signing writes it; then the signed `artifact.json` has the model's name.
3. The signed files are the version's files, except those of `OUTSIDE`, each with its digest.

A version that was renamed, or replaced by an older one, fails at 2; another model's at 2 or 3.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from lading.functions.contract.errors import SignatureRefused
from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.specification import (
    ENGINE,
    SPECIFICATION,
    EngineFile,
    EngineSection,
)
from lading.functions.inference.attestation.bundle import Envelope, encoded, read_bundle
from lading.functions.inference.attestation.statement import BUNDLE, OUTSIDE, read_statement

Mode = Literal["required", "warn", "off"]
"""What happens to a version without a valid signature: it is refused, reported, or neither."""

_SHORT = 12


class Trust(NamedTuple):
    """Which signatures are accepted.

    Args:
        mode: what happens to other versions.
        keys: id -> trusted public key in PEM; see `keys.key_id`.
    """

    mode: Mode = "warn"
    keys: Mapping[str, bytes] = MappingProxyType({})

    @property
    def expected(self) -> bool:
        """Whether each version should have a signature."""
        return self.mode == "required" or bool(self.keys)


ANY = Trust()
"""Without a key: a version needs no signature."""


class Claim(NamedTuple):
    """A version to verify.

    Args:
        name: the model that it should be.
        version: the version that it should be.
        digests: file -> `sha256:<hex>` of its content, verified by the caller.
        owner: the model's name in its artifact.json; None where that was not read. Then `digests`
            has the digest of artifact.json only, which has those of the other files.
        extra: further files in its folder.
    """

    name: str
    version: int
    digests: Mapping[str, str]
    owner: str | None
    extra: frozenset[str] = frozenset()


def claim_of(
    name: str,
    version: int,
    digest: str,
    specification: Mapping[str, Any],
    present: Iterable[str] = (),
) -> Claim:
    """Return the claim of a version by its artifact.json.

    Args:
        name: the model that it should be.
        version: the version that it should be.
        digest: SHA-256 of its artifact.json.
        specification: the content of its artifact.json, whose digests the caller has verified.
        present: the files in its folder.
    """
    digests = {SPECIFICATION: digest, **specification["files"]}
    for path, file in _engine_files(specification.get("engine")).items():
        digests[f"{ENGINE}/{path}"] = file.digest
    extra = frozenset(present) - digests.keys() - set(OUTSIDE)
    return Claim(name, version, digests, str(specification["name"]), extra)


def _engine_files(engine: EngineSection | Mapping[str, Any] | None) -> Mapping[str, EngineFile]:
    if engine is None or isinstance(engine, EngineSection):
        return engine.files if engine else {}
    return {path: EngineFile.from_json(file) for path, file in engine["files"].items()}


def verify(claim: Claim, bundle: bytes | None, keys: Mapping[str, bytes]) -> str:
    """Return the id of the trusted key that signed a version.

    Args:
        claim: the version.
        bundle: its signature; None: it has none.
        keys: id -> trusted public key in PEM.

    Raises:
        SignatureRefused: the signature is missing, or does not say what the claim says.
    """
    if bundle is None and not claim.digests:
        raise _refused(claim, "has no artifact.json, and so no signature; package it")
    if bundle is None:
        advice = f"sign it with `lading sign {claim.name} --version {claim.version}`"
        raise _refused(claim, f"is not signed; {advice}")
    try:
        envelope = read_bundle(bundle)
        statement = read_statement(envelope.payload)
    except ValueError as error:
        raise _refused(claim, f"has a signature that {error}; sign it again") from error
    signer = _signer(claim, envelope, keys)
    _require_subject(claim, statement.subject)
    _require_files(claim, statement.digests)
    return signer


def signer_of(bundle: bytes) -> str:
    """Return the id of the key that a bundle names, without verification.

    Raises:
        ValueError: it cannot be read.
    """
    return read_bundle(bundle).hint


def short(key: str) -> str:
    """Return a key's id for users."""
    return key[:_SHORT] or "unnamed"


def _signer(claim: Claim, envelope: Envelope, keys: Mapping[str, bytes]) -> str:
    if not keys:
        advice = "name one in stages.yaml, or in LADING_SIGNATURE_KEYS"
        raise _refused(claim, f"is signed, but no key is trusted; {advice}")
    hinted = [envelope.hint] if envelope.hint in keys else []
    candidates = hinted if envelope.hint else list(keys)
    if not candidates:
        known = ", ".join(map(short, keys))
        raise _refused(
            claim,
            f"was signed with key {short(envelope.hint)}, which is not trusted (trusted: {known}); "
            "sign it again with a trusted key",
        )
    from lading.functions.inference.attestation.keys import read_public_key, signed_by

    message = encoded(envelope.payload)
    for key in candidates:
        if signed_by(read_public_key(keys[key]), envelope.signature, message):
            return key
    advice = f"{BUNDLE} was altered, or somebody else signed it; do not use it"
    raise _refused(claim, f"has a wrong signature: {advice}")


def _require_subject(claim: Claim, subject: str) -> None:
    if subject == artifact_folder(claim.name, claim.version):
        return
    if subject != str(claim.version):
        reason = f"has the signature of {subject[:120]!r}: it was renamed, or took another's place"
        raise _refused(claim, f"{reason}; restore the right version")
    if claim.owner is None:
        reason = "has a signature without the model's name, as model-signing writes it"
        raise _refused(claim, f"{reason}; run `lading pull {claim.name}`, or sign it again")


def _require_files(claim: Claim, signed: Mapping[str, str]) -> None:
    if claim.owner not in (None, claim.name):
        raise _refused(claim, f"belongs to model '{claim.owner}'; restore the right version")
    ours = {file: digest for file, digest in claim.digests.items() if file not in OUTSIDE}
    stated = {file: digest for file, digest in signed.items() if file not in OUTSIDE}
    for file, digest in ours.items():
        if file in stated and stated[file] != digest:
            reason = f"was altered after it was signed: {file} has the digest {digest}, not "
            raise _refused(claim, f"{reason}{stated[file]}; restore it")
    unsigned = {*(ours.keys() - stated.keys()), *claim.extra}
    missing = stated.keys() - ours.keys() if claim.owner is not None else set()
    if unsigned:
        raise _refused(claim, f"has the file {min(unsigned)!r}, which is not signed; remove it")
    if missing:
        raise _refused(claim, f"lacks the file {min(missing)!r}, which is signed; restore it")


def _refused(claim: Claim, reason: str) -> SignatureRefused:
    return SignatureRefused(claim.name, claim.version, reason)
