"""Which signatures are accepted, and the verification of versions that were read from a store."""

from collections.abc import Iterable
from pathlib import Path

from lading.functions.inference.artifact.specification import ENGINE
from lading.functions.inference.attestation.enforcement import Report, enforce
from lading.functions.inference.attestation.statement import BUNDLE
from lading.functions.inference.attestation.trusted_keys import trust_of
from lading.functions.inference.attestation.verification import Claim, Mode, Trust, claim_of, verify
from lading.model_packaging.signing.errors import TrustUnusable, needs_cryptography
from lading.model_packaging.store.publication import Published

__all__ = ("Mode", "Trust", "check_published", "claim", "read_trust", "verify_published")


def read_trust(mode: Mode | None, keys: Iterable[Path]) -> Trust:
    """Read the trusted keys.

    Args:
        mode: what happens to versions without a valid signature; None: `required` if there are
            keys, else `warn`.
        keys: files of public keys in PEM.

    Raises:
        TrustUnusable: a file is no P-256 public key, or there is none and signatures are required.
    """
    try:
        with needs_cryptography():
            return trust_of(mode, keys)
    except ValueError as error:
        raise TrustUnusable(str(error)) from error


def claim(name: str, version: int, published: Published) -> Claim:
    """Return the claim of a version that was read from a store."""
    artifact, engine = published.artifact, published.engine
    present = [*published.files, *(f"{ENGINE}/{path}" for path in (engine.files if engine else ()))]
    return claim_of(name, version, artifact.digest, artifact.specification, present)


def verify_published(trust: Trust, name: str, version: int, published: Published) -> str:
    """Return the id of the key that signed a version; see `verification.verify`.

    Raises:
        SignatureRefused: it has no valid signature.
    """
    return verify(claim(name, version, published), published.files.get(BUNDLE), trust.keys)


def check_published(
    trust: Trust, name: str, version: int, published: Published, report: Report
) -> None:
    """Refuse or report a version without a valid signature.

    Raises:
        SignatureRefused: it must have one.
    """
    if trust.mode != "off":
        claimed = claim(name, version, published)
        enforce(trust, claimed, published.files.get(BUNDLE), report)
