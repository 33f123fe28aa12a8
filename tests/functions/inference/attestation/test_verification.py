import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path

import pytest

from lading.functions.contract.errors import SignatureRefused
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION
from lading.functions.inference.attestation.bundle import Envelope, encoded, render_bundle
from lading.functions.inference.attestation.statement import render_statement
from lading.functions.inference.attestation.verification import Claim, claim_of, verify
from lading.model_packaging.signing.signing import sign
from tests.model_packaging.stores import digest, files, large
from tests.support.signing import new_pair


@dataclass
class Signed:
    """Version 3 of digits, its signature, and the key of it."""

    folder: Path

    def __post_init__(self) -> None:
        self.key, _ = new_pair(self.folder)
        self.other, _ = new_pair(self.folder, "other")
        self.keys = {self.key.id: self.key.public_pem}
        self.bundle = sign(self.key, "digits", 3, files())

    def claim(self, name: str = "digits", version: int = 3) -> Claim:
        document = json.loads(files()[SPECIFICATION])
        return claim_of(name, version, digest(files()), document, files())


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("keys"))


def test_a_signed_version_is_accepted_with_the_id_of_its_key(signed: Signed) -> None:
    keys = {signed.other.id: signed.other.public_pem, **signed.keys}
    assert verify(signed.claim(), signed.bundle, keys) == signed.key.id


def test_files_of_an_engine_are_signed(signed: Signed) -> None:
    artifact, engine = large()
    bundle = sign(signed.key, "digits", 3, artifact, engine)
    document = json.loads(artifact[SPECIFICATION])
    claim = claim_of("digits", 3, digest(artifact), document, artifact)
    assert verify(claim, bundle, signed.keys) == signed.key.id
    alone = sign(signed.key, "digits", 3, artifact)
    with pytest.raises(SignatureRefused, match="has the file 'engine/model/1/weights', which is"):
        verify(claim, alone, signed.keys)


def test_an_unsigned_version_is_refused(signed: Signed) -> None:
    with pytest.raises(SignatureRefused, match="is not signed; sign it with `lading sign digits"):
        verify(signed.claim(), None, signed.keys)


def test_without_a_trusted_key_nothing_is_accepted(signed: Signed) -> None:
    with pytest.raises(SignatureRefused, match="is signed, but no key is trusted"):
        verify(signed.claim(), signed.bundle, {})


def test_an_untrusted_key_is_named(signed: Signed) -> None:
    bundle = sign(signed.other, "digits", 3, files())
    with pytest.raises(SignatureRefused, match=rf"was signed with key {signed.other.id[:12]}, wh"):
        verify(signed.claim(), bundle, signed.keys)


def test_a_hint_at_a_trusted_key_does_not_make_a_signature_valid(signed: Signed) -> None:
    payload = render_statement("digits", 3, {SPECIFICATION: digest(files())})
    forged = Envelope(payload, signed.other.sign(encoded(payload)), signed.key.id)
    with pytest.raises(SignatureRefused, match="has a wrong signature"):
        verify(signed.claim(), render_bundle(forged), signed.keys)


def test_a_signature_without_a_hint_is_tried_with_every_key(signed: Signed) -> None:
    document = json.loads(signed.bundle)
    document["verificationMaterial"]["publicKey"] = {}
    bundle = json.dumps(document).encode()
    keys = {signed.other.id: signed.other.public_pem, **signed.keys}
    assert verify(signed.claim(), bundle, keys) == signed.key.id
    with pytest.raises(SignatureRefused, match="has a wrong signature"):
        verify(signed.claim(), bundle, {signed.other.id: signed.other.public_pem})


@pytest.mark.parametrize("place", range(0, 400, 23))
def test_every_byte_of_the_statement_is_signed(signed: Signed, place: int) -> None:
    document = json.loads(signed.bundle)
    payload = bytearray(b64decode(document["dsseEnvelope"]["payload"]))
    payload[place] ^= 1
    document["dsseEnvelope"]["payload"] = b64encode(payload).decode()
    with pytest.raises(SignatureRefused):
        verify(signed.claim(), json.dumps(document).encode(), signed.keys)


@pytest.mark.parametrize(("name", "version"), [("digits", 2), ("iris", 3), ("digits", 33)])
def test_the_signature_of_another_version_is_refused(
    signed: Signed, name: str, version: int
) -> None:
    with pytest.raises(SignatureRefused, match="has the signature of 'models/digits/3'"):
        verify(signed.claim(name, version), signed.bundle, signed.keys)


def as_model_signing_writes_it(signed: Signed) -> bytes:
    """The bundle of version 3 whose subject is the last part of its folder."""
    digests = {file: sha256(content) for file, content in files().items()}
    text = render_statement("digits", 3, digests).replace(b"models/digits/3", b"3")
    return render_bundle(Envelope(text, signed.key.sign(encoded(text)), signed.key.id))


def test_a_subject_without_the_model_needs_its_artifact_json(signed: Signed) -> None:
    bundle = as_model_signing_writes_it(signed)
    assert verify(signed.claim(), bundle, signed.keys) == signed.key.id
    with pytest.raises(SignatureRefused, match="belongs to model 'digits'"):
        verify(signed.claim("iris"), bundle, signed.keys)
    with pytest.raises(SignatureRefused, match="has the signature of '3'"):
        verify(signed.claim("digits", 4), bundle, signed.keys)
    unread = Claim("digits", 3, {SPECIFICATION: digest(files())}, None)
    with pytest.raises(SignatureRefused, match="has a signature without the model's name"):
        verify(unread, bundle, signed.keys)


def test_the_locks_digest_alone_can_be_verified(signed: Signed) -> None:
    right = Claim("digits", 3, {SPECIFICATION: digest(files())}, None)
    assert verify(right, signed.bundle, signed.keys) == signed.key.id
    wrong = right._replace(digests={SPECIFICATION: digest(files(b"other"))})
    with pytest.raises(SignatureRefused, match=r"was altered after it was signed: artifact\.json"):
        verify(wrong, signed.bundle, signed.keys)


def test_each_difference_of_the_files_is_named(signed: Signed) -> None:
    claim = signed.claim()
    altered = claim._replace(digests={**claim.digests, MODEL: "sha256:00"})
    more = claim._replace(extra=frozenset({"x.py"}))
    less = claim._replace(digests={SPECIFICATION: claim.digests[SPECIFICATION]})
    for changed, reason in (
        (altered, f"was altered after it was signed: {MODEL} has the digest sha256:00, not"),
        (more, "has the file 'x.py', which is not signed"),
        (less, "lacks the file 'golden.json', which is signed"),
    ):
        with pytest.raises(SignatureRefused, match=reason):
            verify(changed, signed.bundle, signed.keys)
