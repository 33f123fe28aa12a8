from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lading.functions.inference.attestation.trusted_keys import trust_of
from tests.support.signing import new_pair


def test_a_key_makes_signatures_required_unless_another_mode_is_stated(tmp_path: Path) -> None:
    key, public = new_pair(tmp_path)
    assert trust_of(None, ()).mode == "warn"
    assert trust_of(None, [public]).mode == "required"
    assert trust_of("warn", [public]).mode == "warn"
    assert list(trust_of("off", [public]).keys) == [key.id]


def test_a_mode_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="required, but no key is named"):
        trust_of("required", ())
    with pytest.raises(ValueError, match="must be required, warn, off, not 'on'"):
        trust_of("on", [new_pair(tmp_path)[1]])


def test_a_file_that_holds_no_p_256_key_is_an_error(tmp_path: Path) -> None:
    private = new_pair(tmp_path)[0].path
    other = tmp_path / "other.pem"
    other.write_bytes(
        ec.generate_private_key(ec.SECP384R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    for path, reason in (
        (tmp_path / "none", "cannot be read: No such file"),
        (private, "is not a public key in PEM; write one with: openssl ec"),
        (other, "is not a P-256 key"),
    ):
        with pytest.raises(ValueError, match=rf"key {path} {reason}"):
            trust_of(None, [path])
