import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import EngineFile
from lading.model_packaging.store.engine_files import EngineFiles, Readable, engine_digest, gather
from lading.model_packaging.store.errors import StoreError


def test_files_are_listed_with_digest_and_size_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    found = gather("m", tmp_path, {"1/weights": tmp_path / "weights", "config": b"c"})
    assert found.files == {
        "1/weights": EngineFile(sha256(b"weights"), 7),
        "config": EngineFile(sha256(b"c"), 1),
    }
    assert found.size == 8
    assert b"".join(found.read("1/weights")) == b"weights"
    assert b"".join(found.read("config")) == b"c"


def test_the_digest_is_of_the_paths_and_digests_in_order_of_the_paths() -> None:
    one, two = EngineFile(sha256(b"1"), 1), EngineFile(sha256(b"2"), 1)
    listed = json.dumps([["a", sha256(b"1")], ["b", sha256(b"2")]], separators=(",", ":"))
    wanted = hashlib.sha256(listed.encode()).hexdigest()
    assert engine_digest({"b": two, "a": one}) == engine_digest({"a": one, "b": two}) == wanted
    assert engine_digest({"a": two, "b": one}) != wanted


def test_a_file_comes_in_pieces_of_one_size_and_a_rest(tmp_path: Path) -> None:
    files = gather("m", tmp_path, {"a": b"0123456789", "empty": b""})
    assert list(files.read("a", 4)) == [b"0123", b"4567", b"89"]
    assert list(files.read("a", 5)) == [b"01234", b"56789"]
    assert list(files.read("empty", 4)) == []


class Dripping:
    """A stream that gives one byte at a time."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, size: int = -1, /) -> bytes:
        piece, self.content = self.content[:1], self.content[1:]
        return piece


def dripping(content: bytes, listed: bytes) -> EngineFiles:
    @contextmanager
    def opener(_path: str) -> Iterator[Readable]:
        yield Dripping(content)

    return EngineFiles("m", "s3://b", {"a": EngineFile(sha256(listed), len(listed))}, opener)


def test_a_slow_stream_still_comes_in_full_pieces() -> None:
    assert list(dripping(b"01234", b"01234").read("a", 2)) == [b"01", b"23", b"4"]


@pytest.mark.parametrize("content", [b"", b"0123", b"01234567", b"9123456", b"0123456789" * 9])
def test_a_file_that_is_not_what_was_listed_never_ends_well(content: bytes) -> None:
    given: list[bytes] = []
    with pytest.raises(
        StoreError, match=r"^model 'm': s3://b/a has changed, it had 7 bytes .*restore it"
    ):
        given += dripping(content, b"0123456").read("a", 4)
    assert len(b"".join(given)) <= 8
