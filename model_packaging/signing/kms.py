"""A signing key in AWS KMS: key spec ECC_NIST_P256, usage SIGN_VERIFY.

The private key never leaves KMS. Needed permissions: `kms:GetPublicKey` and `kms:Sign`.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lading.model_packaging.signing.errors import KeyUnusable, needs_cryptography

_MAX_MESSAGE_BYTES = 4096


class KmsKey:
    """A key in KMS.

    Args:
        client: boto3's client of KMS.
        name: the key's id, ARN, or `alias/<name>`.
        public_der: its public key in DER.
    """

    def __init__(self, client: Any, name: str, public_der: bytes) -> None:
        with needs_cryptography():
            from cryptography.hazmat.primitives.serialization import (
                Encoding,
                PublicFormat,
                load_der_public_key,
            )

            from lading.functions.inference.attestation.keys import key_id, read_public_key

        self._client, self._name = client, name
        self.public_pem = load_der_public_key(public_der).public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        try:
            self.id = key_id(read_public_key(self.public_pem))
        except ValueError as error:
            advice = "create one with --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY"
            raise KeyUnusable(name, f"{error}; {advice}") from error

    @classmethod
    def open(cls, name: str) -> "KmsKey":
        """Read the public key of a key.

        Raises:
            KeyUnusable: KMS cannot be reached, or does not give it.
        """
        try:
            from boto3.session import Session
        except ImportError as error:
            raise KeyUnusable(name, "needs boto3; install it with: pip install boto3") from error
        with _explaining(name):
            region = name.split(":")[3] if name.startswith("arn:") else None
            client = Session().client("kms", region_name=region)
            return cls(client, name, client.get_public_key(KeyId=name)["PublicKey"])

    def sign(self, message: bytes) -> bytes:
        """See `SigningKey.sign`; of a longer message than KMS accepts, the digest is sent."""
        whole = len(message) <= _MAX_MESSAGE_BYTES
        with _explaining(self._name):
            answer = self._client.sign(
                KeyId=self._name,
                Message=message if whole else hashlib.sha256(message).digest(),
                MessageType="RAW" if whole else "DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        return bytes(answer["Signature"])


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        reason = f"is refused by KMS: {said.get('Code')}, {said.get('Message')}"
        raise KeyUnusable(name, f"{reason}; it needs kms:GetPublicKey and kms:Sign") from error
    except (BotoCoreError, ValueError) as error:
        text = " ".join(str(error).split())
        raise KeyUnusable(name, f"cannot be reached: {text}; check AWS_REGION") from error
