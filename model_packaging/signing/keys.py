"""Keys that sign: a P-256 private key in a PEM file, or in AWS KMS."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lading.model_packaging.signing.errors import KeyUnusable, needs_cryptography

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_KMS = ("awskms:///", "arn:aws")
_MAX_KEY_BYTES = 1 << 14


class SigningKey(Protocol):
    """A private key, wherever it is."""

    @property
    def id(self) -> str:
        """The id of its public key; see `attestation.keys.key_id`."""

    @property
    def public_pem(self) -> bytes:
        """Its public key in PEM."""

    def sign(self, message: bytes) -> bytes:
        """Return an ECDSA signature over the SHA-256 of a message, in DER.

        Raises:
            KeyUnusable: KMS does not sign.
        """


class FileKey:
    """A private key in a PEM file.

    Args:
        path: the file.
        key: what it holds.
    """

    def __init__(self, path: Path, key: "EllipticCurvePrivateKey") -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        from lading.functions.inference.attestation.keys import key_id

        self.path, self._key = path, key
        self.id = key_id(key.public_key())
        self.public_pem = key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    @classmethod
    def read(cls, path: Path) -> "FileKey":
        """Read a private key, which must not be encrypted.

        Raises:
            KeyUnusable: it is no P-256 private key.
        """
        with needs_cryptography():
            from cryptography.hazmat.primitives.asymmetric import ec
            from cryptography.hazmat.primitives.serialization import load_pem_private_key
        try:
            with path.open("rb") as file:
                key = load_pem_private_key(file.read(_MAX_KEY_BYTES), None)
        except OSError as error:
            raise KeyUnusable(str(path), f"cannot be read: {error.strerror}") from error
        except TypeError as error:
            advice = "decrypt it, or use a key in KMS"
            raise KeyUnusable(str(path), f"is encrypted; {advice}") from error
        except ValueError as error:
            raise KeyUnusable(str(path), f"is not a private key in PEM; {_MAKE}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(
            key.curve, ec.SECP256R1
        ):
            raise KeyUnusable(str(path), f"is not a P-256 key; {_MAKE}")
        return cls(path, key)

    def sign(self, message: bytes) -> bytes:
        """See `SigningKey.sign`."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


_MAKE = "make one with: openssl ecparam -name prime256v1 -genkey -noout -out private.pem"


def open_key(address: str) -> SigningKey:
    """Return the key at a path, an ARN of KMS, or `awskms:///<key id or alias/name>`.

    Raises:
        KeyUnusable: it cannot be used.
    """
    if not address.startswith(_KMS):
        return FileKey.read(Path(address))
    from lading.model_packaging.signing.kms import KmsKey

    return KmsKey.open(address.removeprefix(_KMS[0]))
