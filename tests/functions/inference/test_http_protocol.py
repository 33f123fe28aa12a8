"""The container's HTTP: what is no body is bounded, and what is one comes whole."""

import contextlib
import socket
from collections.abc import Iterator
from itertools import repeat

import pytest

from functions.inference.asgi import Receive, Scope, Send
from functions.inference.http_protocol import MAX_HEAD_BYTES, BoundedProtocol
from tests.uvicorn_server import uvicorn_serving

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
TOO_LONG = b"Head of the request is too long."


async def count(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how long the body is."""
    assert scope["method"] == "POST"
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    answer = str(size).encode()
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with uvicorn_serving(count, http=BoundedProtocol) as served:
        host, _, port = served.partition(":")
        yield host, int(port)


def send(address: tuple[str, int], parts: Iterator[bytes]) -> tuple[bytes, int]:
    """What is answered until the server closes the connection, and how much it was sent."""
    sent, answer = 0, b""
    with socket.create_connection(address, timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
                sent += len(part)
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(1 << 16):
                answer += more
    return answer, sent


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (HEAD, b"x-more: and more\r\n"),
        (HEAD + b"x-long: ", b"a" * 100),
        (b"POST /", b"a" * 100),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"x-trailer: and more\r\n"),
        (CHUNKED + b"1;", b"a" * 100),
    ],
    ids=["many headers", "a long one", "a long path", "many trailers", "a long extension"],
)
def test_what_does_not_end_is_cut_off(address: tuple[str, int], start: bytes, part: bytes) -> None:
    def endless() -> Iterator[bytes]:
        yield start
        yield from repeat(part * 10, 100_000)

    answer, sent = send(address, endless())
    assert sent < 100_000 * len(part * 10), "it took all"
    assert not answer or TOO_LONG in answer  # a client that still sends may miss the answer


def test_who_sends_too_long_a_head_is_told(address: tuple[str, int]) -> None:
    long = HEAD + b"x-long: " + b"a" * (MAX_HEAD_BYTES + 1)
    answer, _ = send(address, iter([long]))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(TOO_LONG)


def test_a_body_comes_whole_however_it_is_cut(address: tuple[str, int]) -> None:
    size, close = 4 * MAX_HEAD_BYTES, b"connection: close\r\n"
    parts = [
        HEAD + close + f"content-length: {size}\r\n\r\n".encode(),
        *[b"a" * 997] * (size // 997),
    ]
    whole, _ = send(address, iter([*parts, b"a" * (size % 997)]))
    chunks = b"1\r\na\r\n" * MAX_HEAD_BYTES + b"0\r\n\r\n"
    cut, _ = send(address, iter([CHUNKED.replace(b"\r\n\r\n", b"\r\n" + close + b"\r\n"), chunks]))
    assert whole.endswith(b"\r\n\r\n%d" % size)
    assert cut.endswith(b"\r\n\r\n%d" % MAX_HEAD_BYTES)


def test_requests_may_follow_one_another(address: tuple[str, int]) -> None:
    one = HEAD + b"x-some: " + b"a" * 20_000 + b"\r\ncontent-length: 3\r\n\r\nabc"
    last = HEAD + b"connection: close\r\ncontent-length: 1\r\n\r\na"
    answer, _ = send(address, iter([one * 10, last]))
    assert answer.count(b"HTTP/1.1 200 OK") == 11
