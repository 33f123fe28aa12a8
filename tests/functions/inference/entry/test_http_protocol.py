"""The container's HTTP: what is no body is bounded, and what is one comes whole."""

import contextlib
import socket
from collections.abc import Iterator
from itertools import repeat

import pytest

from lading.functions.inference.callers.limits import LONGEST_HEAD
from lading.functions.inference.entry.http_protocol import BoundedProtocol
from lading.functions.inference.wire.asgi import Receive, Scope, Send
from tests.support.uvicorn_server import uvicorn_serving

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


@pytest.fixture(scope="module", params=[BoundedProtocol, "h11"], ids=["httptools", "h11"])
def either(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A server with the image's parser, and one with the parser that every laptop has."""
    with uvicorn_serving(count, http=request.param) as served:
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
    long = HEAD + b"x-long: " + b"a" * (LONGEST_HEAD + 1)
    answer, _ = send(address, iter([long]))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(TOO_LONG)


def test_a_body_comes_whole_however_it_is_cut(address: tuple[str, int]) -> None:
    size, close = 4 * LONGEST_HEAD, b"connection: close\r\n"
    parts = [
        HEAD + close + f"content-length: {size}\r\n\r\n".encode(),
        *[b"a" * 997] * (size // 997),
    ]
    whole, _ = send(address, iter([*parts, b"a" * (size % 997)]))
    chunks = b"1\r\na\r\n" * LONGEST_HEAD + b"0\r\n\r\n"
    cut, _ = send(address, iter([CHUNKED.replace(b"\r\n\r\n", b"\r\n" + close + b"\r\n"), chunks]))
    assert whole.endswith(b"\r\n\r\n%d" % size)
    assert cut.endswith(b"\r\n\r\n%d" % LONGEST_HEAD)


UPGRADES = [
    b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n",
    b"Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n",
    b"upgrade: TLS/1.0, h2c\r\nconnection: upgrade\r\n",
]
BODIES = {
    "length": b"content-length: 11\r\n\r\nhello world",
    "chunks": b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("cut", [1, 7, 1 << 16])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("upgrade", UPGRADES, ids=["h2c", "websocket", "TLS"])
def test_an_offer_to_upgrade_is_ignored_and_the_connection_goes_on(
    either: tuple[str, int], upgrade: bytes, body: bytes, cut: int
) -> None:
    offered = HEAD + upgrade + body
    last = HEAD + b"connection: close\r\ncontent-length: 1\r\n\r\na"
    sent = offered * 2 + HEAD + BODIES["length"] + offered + last
    answer, _ = send(either, (sent[at : at + cut] for at in range(0, len(sent), cut)))
    assert [each[-2:] for each in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]] == [
        *[b"11"] * 4,
        b"\n1",
    ]


@pytest.mark.parametrize("upgrade", UPGRADES, ids=["h2c", "websocket", "TLS"])
def test_an_offer_to_upgrade_without_a_body_is_answered(
    address: tuple[str, int], upgrade: bytes
) -> None:
    last = HEAD + b"connection: close\r\ncontent-length: 1\r\n\r\na"
    answer, _ = send(address, iter([HEAD + upgrade + b"content-length: 0\r\n\r\n", last]))
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_head_that_offers_to_upgrade_and_does_not_end_is_cut_off(
    address: tuple[str, int],
) -> None:
    start = HEAD + UPGRADES[0] + CHUNKED.removeprefix(HEAD) + b"1;"
    answer, sent = send(address, iter([start, *repeat(b"a" * 1000, 100_000)]))
    assert sent < 100_000 * 1000, "it took all"
    assert not answer or TOO_LONG in answer


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\n", b"400"),
        (HEAD + b"host: x\r\n", b"400"),
        (HEAD + b"Host: y\r\n", b"400"),
        (b"POST / HTTP/1.0\r\n", b"200"),
        (HEAD, b"200"),
    ],
    ids=["none", "twice", "another", "none in 1.0", "one"],
)
def test_a_request_has_one_host(address: tuple[str, int], head: bytes, status: bytes) -> None:
    rest = b"connection: close\r\ncontent-length: 1\r\n\r\na"
    answer, _ = send(address, iter([head + rest]))
    assert answer.split(b" ")[1] == status
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_tunnel_is_refused(address: tuple[str, int]) -> None:
    answer, _ = send(address, iter([b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n"]))
    assert b" 200 " not in answer


def test_requests_may_follow_one_another(address: tuple[str, int]) -> None:
    one = HEAD + b"x-some: " + b"a" * 20_000 + b"\r\ncontent-length: 3\r\n\r\nabc"
    last = HEAD + b"connection: close\r\ncontent-length: 1\r\n\r\na"
    answer, _ = send(address, iter([one * 10, last]))
    assert answer.count(b"HTTP/1.1 200 OK") == 11
