import json

import pytest

from lading.functions.inference.attestation.statement import read_statement, render_statement

A, B = "sha256:" + "0a" * 32, "sha256:" + "b0" * 32


def test_a_statement_reads_back_without_the_files_that_are_not_signed() -> None:
    payload = render_statement(
        "digits", 3, {"b": B, "a/x": A, "report.json": A, "README.md": A, "attestation.json": B}
    )
    statement = read_statement(payload)
    assert statement.subject == "models/digits/3"
    assert statement.digests == {"a/x": A, "b": B}
    [subject] = json.loads(payload)["subject"]
    serialization = json.loads(payload)["predicate"]["serialization"]
    assert serialization["ignore_paths"] == ["attestation.json", "report.json", "README.md"]
    assert len(subject["digest"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"method":"files"', '"method":"shards"'),
        ("Statement/v1", "Statement/v0"),
        ("signature/v1.0", "Digests/v0.1"),
        ('"algorithm":"sha256"', '"algorithm":"blake3"'),
        ('"0a0a', '"0b0a'),
        ('"name":"b"', '"name":"a"'),
        ('"subject"', '"subjects"'),
        ('"resources":[', '"resources":[7,'),
        ('"digest":"0a', '"digest":"zz'),
        ('[{"name":"models', '[{},{"name":"models'),
    ],
)
def test_another_statement_is_an_error(old: str, new: str) -> None:
    text = render_statement("digits", 3, {"a": A, "b": B}).decode()
    assert old in text
    with pytest.raises(ValueError, match=r".+"):
        read_statement(text.replace(old, new, 1).encode())


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"[" * 100_000, b"\xff"])
def test_what_is_no_statement_is_an_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_statement(payload)
