import pytest

from lading.emulator.processes.json_object import json_object


@pytest.mark.parametrize("body", [b"", b"[1]", b"null", b"{", b"[" * 100_000, b"\xff"])
def test_anything_but_an_object_is_an_empty_one(body: bytes) -> None:
    assert json_object(body) == {}


def test_an_object_is_read() -> None:
    assert json_object(b'{"a": 1}') == {"a": 1}
