import subprocess
from pathlib import Path

from lading.functions.inference.attestation.keys import key_id, read_public_key, signed_by
from tests.support.signing import new_pair


def test_a_signature_of_openssl_is_accepted_and_of_another_message_is_not(tmp_path: Path) -> None:
    key, public = new_pair(tmp_path)
    (tmp_path / "message").write_bytes(b"message")
    command = ["openssl", "dgst", "-sha256", "-sign", str(key.path), str(tmp_path / "message")]
    signature = subprocess.run(command, check=True, capture_output=True).stdout
    read = read_public_key(public.read_bytes())
    assert key_id(read) == key.id
    assert signed_by(read, signature, b"message")
    assert not signed_by(read, signature, b"massage")
    assert not signed_by(read, b"no DER", b"message")
