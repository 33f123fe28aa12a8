"""Long bodies are answered as the application answers them, however they arrive."""

import json
import re
from asyncio import BaseProtocol, Transport
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.entry.short.long_body import ROOM, BodyRoom, LongBody
from lading.functions.inference.entry.short.way import LONG_BODY
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from tests.support.two_ways import END, Way, running
from tests.support.waiting import until
from tests.support.worlds import settings_for, times

ROWS = np.arange(LONG_BODY, dtype=np.float32).reshape(8, -1)
PATH, BINARY = "/predict/m", "/v2/models/m/infer"
LONGEST = 1 << 20
_VARYING = re.compile(rb"\r\n(date: [^\r]*|x-request-id: [0-9a-f]{32})(?=\r\n)")


def post(path: str, body: bytes, *lines: str, length: int | None = None) -> bytes:
    stated = f"content-length: {len(body) if length is None else length}"
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: x", stated, *lines, "", ""]).encode() + body


def of_json(**more: Any) -> bytes:
    return json.dumps({"inputs": ROWS.tolist(), **more}).encode()


def of_bytes(padding: int = 0, size: int | None = None) -> tuple[bytes, str]:
    """A body with a binary tensor, and the header with the length of its JSON."""
    content = ROWS.tobytes()
    stated = {"binary_data_size": len(content) if size is None else size}
    tensor = {"name": "x", "datatype": "FP32", "shape": [*ROWS.shape], "parameters": stated}
    wanted = [{"name": "y", "parameters": {"binary_data": True}}]
    head = json.dumps({"inputs": [tensor], "outputs": wanted}).encode() + b" " * padding
    return head + content, f"{HEADER_LENGTH}: {len(head)}"


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Way, Way]]:
    settings = settings_for(tmp_path_factory.mktemp("models"), {"m": {1: times(3)}})
    small = json.dumps({"inputs": [[1.0]]}).encode()
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [1]}
    known = [
        post(PATH, small),
        post("/predictions/m", b"[[1.0]]", "content-type: application/json"),
        post(BINARY, json.dumps({"inputs": [tensor]}).encode()),
    ]
    with (
        running(settings, longest=LONGEST, short=True) as short,
        running(settings, longest=LONGEST, short=False) as application,
    ):
        for way in (short, application):
            for each in known:
                assert b" 200 OK\r\n" in way.send(each)
        yield short, application


def taken(ways: tuple[Way, Way]) -> int:
    assert ways[0].short is not None
    return ways[0].short.taken


def answers(ways: tuple[Way, Way], *parts: bytes, end: bytes = END) -> tuple[bytes, bytes]:
    found, wanted = (_VARYING.sub(b"", way.send(*parts, end=end)) for way in ways)
    return found, wanted


def cut(sent: bytes, *places: int) -> list[bytes]:
    return [sent[a:b] for a, b in zip([0, *places], [*places, len(sent)], strict=True)]


REQUESTS = {
    "json": post(PATH, of_json()),
    "json of another type": post(PATH, of_json(), "content-type: application/json; charset=utf-8"),
    "not json": post(PATH, of_json()[:-1]),
    "ragged": post(PATH, of_json().replace(b"[1.0,", b"[1.0,[2.0],", 1).replace(b"[1.0", b"[[1.0")),
    "a key too many": post(PATH, of_json(more=1)),
    "nan": post(PATH, of_json().replace(b" 7.0,", b" NaN,", 1)),
    "an image": post("/predictions/m", b"\xff\xd8\xff" * LONG_BODY),
    "csv": post(PATH, b"1,2\n" * LONG_BODY, "content-type: text/csv"),
    **{f"binary behind {pad}": post(BINARY, *of_bytes(pad)) for pad in range(4)},
    "binary too short": post(BINARY, *of_bytes(size=8)),
    "binary too long": post(BINARY, *of_bytes(size=1 << 30)),
    "no length of the head": post(BINARY, of_bytes()[0], f"{HEADER_LENGTH}: x"),
    "two lengths of the head": post(BINARY, *of_bytes(), f"{HEADER_LENGTH}: 7"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_long_body_is_answered_as_the_application_answers_it(
    ways: tuple[Way, Way], name: str
) -> None:
    before = taken(ways)
    found, wanted = answers(ways, REQUESTS[name])
    assert found == wanted
    assert taken(ways) == before + 1


@pytest.mark.parametrize("places", [[20], [150], [400], [150, 1000, 200_000], [-1]], ids=str)
def test_its_parts_may_be_of_any_size(ways: tuple[Way, Way], places: list[int]) -> None:
    sent = REQUESTS["json"]
    found, wanted = answers(ways, *cut(sent, *(place % len(sent) for place in places)))
    assert found == wanted
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_behind_a_long_body_are_answered_in_their_order(ways: tuple[Way, Way]) -> None:
    small = post(PATH, b'{"inputs": [[5.0]]}')
    sent = [REQUESTS["json"], small, REQUESTS["binary behind 1"], small, REQUESTS["not json"]]
    before = taken(ways)
    found, wanted = answers(ways, b"".join(sent))
    assert found == wanted
    assert found.count(b"\r\n\r\n") == len(sent) + 1
    assert taken(ways) > before


def test_a_caller_that_leaves_gives_its_room_back(ways: tuple[Way, Way]) -> None:
    short, _ = ways
    assert short.short is not None
    whole = BodyRoom().left
    short.lines.taken(0)
    with short.connect() as connection:
        connection.sendall(REQUESTS["json"][:-1])
        until(lambda: short.short is not None and short.short.room.left < whole)
    (line,) = [each for each in short.lines.taken(1) if each["status"] != 200]
    assert (line["status"], line["error"]) == (499, "CallerGone")
    assert short.short.room.left == whole


def test_a_body_for_which_no_room_is_left_is_read_in_parts(ways: tuple[Way, Way]) -> None:
    room = ways[0].short.room if ways[0].short else BodyRoom()
    left = room.left
    assert room.take(left)
    try:
        found, wanted = answers(ways, *cut(REQUESTS["json"], 300, 150_000))
    finally:
        room.give_back(left)
    assert found == wanted
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")


class Sink(Transport):
    """A transport that notes its protocol."""

    def set_protocol(self, protocol: BaseProtocol) -> None:
        self.protocol = protocol


class Connection:
    """What a long body needs of a connection."""

    def __init__(self) -> None:
        self.transport, self.received, self.counted = Sink(), 0, 0

    def count_body(self, size: int) -> None:
        self.counted += size


@pytest.mark.parametrize("before", [*range(17), 1000])
def test_what_follows_the_head_of_a_body_is_aligned(before: int) -> None:
    connection: Any = Connection()
    ended = list[bytearray | None]()
    sent = bytes(range(256)) * 8
    body = LongBody(
        connection, len(sent), before, [sent[:5], memoryview(sent)[5:100]], ended.append
    )
    assert connection.transport.protocol is body
    for size in (1, 1000, len(sent)):
        place = body.get_buffer(0)
        start, part = len(sent) - len(place), min(size, len(place))
        place[:part] = sent[start : start + part]
        body.buffer_updated(part)
    assert connection.received == len(sent) - 100
    assert connection.counted == 1 + 1000, "the last part completes the body"
    (found,) = ended
    assert found is not None
    assert bytes(found) == sent
    assert connection.transport.protocol is connection
    tensor = np.frombuffer(memoryview(found)[before:], np.uint8)
    assert tensor.ctypes.data % 16 == 0


def test_there_is_room_for_so_many_bytes_at_once() -> None:
    room = BodyRoom()
    assert room.take(ROOM - 1)
    assert not room.take(2)
    assert room.take(1)
    room.give_back(2)
    assert room.take(2)
