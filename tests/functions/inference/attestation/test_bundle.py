import pytest

from lading.functions.inference.attestation.bundle import (
    MAX_BUNDLE_BYTES,
    Envelope,
    encoded,
    read_bundle,
    render_bundle,
)

ENVELOPE = Envelope(b'{"a": 1}', b"\x30\x01", "0a" * 32)


def test_a_bundle_reads_back() -> None:
    assert read_bundle(render_bundle(ENVELOPE)) == ENVELOPE


def test_what_is_signed_is_dsses_encoding() -> None:
    """The example of DSSE's own text, with the type of in-toto."""
    assert encoded(b"hello world") == b"DSSEv1 28 application/vnd.in-toto+json 11 hello world"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("bundle.v0.3", "bundle.v0.1", "has the media type"),
        ('"publicKey"', '"certificate"', "was signed with a certificate, not with a key"),
        ("in-toto+json", "other+json", "has the payload type"),
        ('"signatures"', '"others"', "cannot be read"),
        ('"payload": "', '"payload": "*', "cannot be read"),
        ('"keyid": ""', '"keyid": ""}, {"sig": "MAE="', "too many values"),
    ],
)
def test_another_bundle_is_an_error(old: str, new: str, reason: str) -> None:
    text = render_bundle(ENVELOPE).decode()
    assert old in text
    with pytest.raises(ValueError, match=reason):
        read_bundle(text.replace(old, new, 1).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"a":'])
def test_what_is_no_bundle_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_bundle(content)


def test_a_bundle_has_a_limit_that_is_checked_before_it_is_parsed() -> None:
    with pytest.raises(ValueError, match=f"is larger than {MAX_BUNDLE_BYTES} bytes"):
        read_bundle(b" " * (MAX_BUNDLE_BYTES + 1))
