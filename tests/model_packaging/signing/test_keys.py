import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lading.model_packaging.signing.errors import KeyUnusable
from lading.model_packaging.signing.keys import FileKey, open_key
from tests.support.signing import new_key


def test_a_key_that_openssl_made_as_the_guide_says_signs(tmp_path: Path) -> None:
    path = tmp_path / "private.pem"
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    key = open_key(str(path))
    assert key.sign(b"message")
    public = ["openssl", "ec", "-in", str(path), "-pubout"]
    assert subprocess.run(public, check=True, capture_output=True).stdout == key.public_pem


def test_a_key_that_cannot_sign_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    good = new_key(tmp_path)
    encrypted, text = tmp_path / "encrypted.pem", tmp_path / "text.pem"
    command = ["openssl", "pkcs8", "-topk8", "-in", str(good), "-out", str(encrypted)]
    subprocess.run([*command, "-passout", "pass:x"], check=True, capture_output=True)
    text.write_text("no key")
    for path, reason in (
        (tmp_path / "none.pem", "cannot be read: No such file or directory"),
        (encrypted, "is encrypted; decrypt it, or use a key in KMS"),
        (text, "is not a private key in PEM; make one with: openssl ecparam"),
        (new_key(tmp_path, "other", ec.SECP384R1()), "is not a P-256 key; make one with"),
    ):
        with pytest.raises(KeyUnusable, match=f"^key {path} {reason}"):
            FileKey.read(path)
