"""Signing with KMS, emulated by moto's server."""

import hashlib

import boto3
import pytest

from lading.functions.inference.attestation.keys import read_public_key, signed_by
from lading.model_packaging.signing.errors import KeyUnusable
from lading.model_packaging.signing.keys import open_key
from tests.support.s3 import aws


def create(url: str, spec: str) -> str:
    with aws(url):
        client = boto3.session.Session().client("kms")
        made = client.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
        alias, aliases = f"alias/{spec.lower()}", client.list_aliases()["Aliases"]
        if alias not in [each["AliasName"] for each in aliases]:
            client.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
        return str(made["Arn"])


def test_a_key_in_kms_signs_under_its_alias_and_its_arn(s3_url: str) -> None:
    arn = create(s3_url, "ECC_NIST_P256")
    with aws(s3_url):
        for address in ("awskms:///alias/ecc_nist_p256", arn, f"awskms:///{arn}"):
            key = open_key(address)
            assert signed_by(read_public_key(key.public_pem), key.sign(b"message"), b"message")


def test_of_a_long_message_kms_gets_the_digest(s3_url: str) -> None:
    """moto hashes what it gets, whatever the type of the message is; KMS does not hash a digest."""
    arn, message = create(s3_url, "ECC_NIST_P256"), b"m" * 4097
    with aws(s3_url):
        key = open_key(arn)
        digest = hashlib.sha256(message).digest()
        assert signed_by(read_public_key(key.public_pem), key.sign(message), digest)


def test_a_key_in_kms_that_cannot_sign_is_an_error_that_says_what_to_do(s3_url: str) -> None:
    create(s3_url, "ECC_NIST_P384")
    with aws(s3_url):
        with pytest.raises(KeyUnusable, match="is not a P-256 key; create one with --key-spec"):
            open_key("awskms:///alias/ecc_nist_p384")
        with pytest.raises(KeyUnusable, match=r"is refused by KMS: NotFoundException.*kms:Sign"):
            open_key("awskms:///alias/none")
    with aws("http://127.0.0.1:1"), pytest.raises(KeyUnusable, match="cannot be reached"):
        open_key("awskms:///alias/none")
