import json
from typing import Any

import pytest

from lading.api.errors import ServerError
from lading.api.events import EventReader

STREAM = (
    b': a comment\r\ndata: {"n": 1}\r\n\r\nevent: x\nid: 7\ndata: {"n":\ndata:  2}\n\n'
    b'data: {"t": "\xc3\xa9"}\n\n\ndata: [DONE]\n\n'
)
DOCUMENTS: list[Any] = [{"n": 1}, {"n": 2}, {"t": "\u00e9"}]


def read(parts: list[bytes]) -> list[Any]:
    reader = EventReader("http://here")
    found = [document for part in parts for document in reader.feed(part)]
    return found + reader.end()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_do_not_depend_on_how_the_stream_is_cut(size: int) -> None:
    parts = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert read(parts) == DOCUMENTS


def test_the_end_of_the_stream_completes_the_last_event() -> None:
    assert read([b'data: {"n": 1}']) == [{"n": 1}]


@pytest.mark.parametrize("error", ["it broke", {"message": "it broke"}])
def test_an_error_within_a_stream_is_raised(error: Any) -> None:
    with pytest.raises(ServerError, match="http://here: ended the stream: it broke"):
        read([b"data: " + json.dumps({"error": error}).encode() + b"\n\n"])


def test_an_event_that_is_not_json_is_named() -> None:
    with pytest.raises(ServerError, match="not JSON"):
        read([b"data: <html>\n\n"])


@pytest.mark.parametrize("line", [b"x" * (1 << 19), b"data: " + b"x" * (1 << 19) + b"\n"])
def test_an_event_without_end_is_refused(line: bytes) -> None:
    with pytest.raises(ServerError, match="exceeds the limit"):
        read([line] * 3)
