"""Compressed bodies are read within the limit, and answers are compressed for who asks."""

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.functions.contract.errors import MalformedRequest, RequestTooLarge
from lading.functions.contract.limits import GATEWAY
from lading.functions.inference.wire.content_encoding import choose, pack, unpack
from tests.support.driver import Answer, ask, serve
from tests.support.worlds import echo, settings_for

BODY = b'{"inputs": [[1, 2]]}'
ZIPPED = gzip.compress(BODY, mtime=0)  # cases are named by it
BOMB = gzip.compress(bytes(64 << 20), 9)


def predict(root: Path, body: bytes, encoding: str) -> Answer:
    app = serve(settings_for(root, {"m": {1: echo()}}))
    return ask(app, "POST /m/predict", body, {"content-encoding": encoding})


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (ZIPPED, "gzip"),
        (ZIPPED, "GZip"),
        (ZIPPED, "x-gzip"),
        (zlib.compress(BODY), "deflate"),
        (zlib.compress(BODY), "gzip"),
        (BODY, "identity"),
    ],
)
def test_a_compressed_body_is_read(tmp_path: Path, body: bytes, encoding: str) -> None:
    assert predict(tmp_path, body, encoding).document["outputs"] == {"y": [[1, 2]]}


@pytest.mark.parametrize(
    ("body", "encoding", "text"),
    [
        (BODY, "gzip", "the body is not gzip"),
        (ZIPPED[:-4], "gzip", "truncated"),
        (ZIPPED[:-8] + bytes(8), "gzip", "incorrect data check"),
        (ZIPPED + b"more", "gzip", "bytes after its end"),
        (ZIPPED * 2, "gzip", "bytes after its end"),
        (BODY, "br", "unsupported content encoding 'br'; use gzip, deflate or none"),
        (BODY, "gzip, gzip", "unsupported content encoding 'gzip, gzip'"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(
    tmp_path: Path, body: bytes, encoding: str, text: str
) -> None:
    answer = predict(tmp_path, body, encoding)
    assert answer.status == 400
    assert text in answer.error


def test_a_bomb_is_too_large_before_it_is_unpacked(tmp_path: Path) -> None:
    assert len(BOMB) < GATEWAY.body_bytes
    answer = predict(tmp_path, BOMB, "gzip")
    assert answer.status == 413
    with pytest.raises(RequestTooLarge):
        unpack(BOMB, "gzip", 1000)


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip;q=0.5", "deflate"),
        ("gzip;q=0", ""),
        ("br, *", ""),
        ("", ""),
        ("gzip;q=much", ""),
        ("identity", ""),
    ],
)
def test_the_encoding_liked_best_is_chosen(accepted: str, chosen: str) -> None:
    assert choose(accepted) == chosen


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate"]))
def test_what_is_packed_is_unpacked(body: bytes, encoding: str) -> None:
    assert unpack(pack(body, encoding), encoding, 2000) == body


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_no_body_is_a_fault_of_ours(body: bytes, encoding: str) -> None:
    try:
        unpack(body, encoding, 50)
    except (MalformedRequest, RequestTooLarge):
        return
    assert len(body) > 0
