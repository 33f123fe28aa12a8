"""Public keys: P-256, as PEM. The only module of the service that needs `cryptography`."""

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

_ALGORITHM = ec.ECDSA(hashes.SHA256())


def read_public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """Read a public key.

    Raises:
        ValueError: it is no P-256 public key in PEM.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("is not a public key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("is not a P-256 key")  # noqa: TRY004 the value of a file is wrong
    return key


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """Return the hexadecimal SHA-256 of the key's PEM text, which bundles have as their hint."""
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def signed_by(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether this key signed the message with ECDSA over SHA-256."""
    try:
        key.verify(signature, message, _ALGORITHM)
    except InvalidSignature:
        return False
    return True
