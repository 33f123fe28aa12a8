"""Where a server listens, and how long it keeps a connection that nobody uses."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from lading.functions.inference.entry.http_server import (
    Listening,
    address_of,
    configuration,
    listen,
)
from lading.functions.inference.wire.asgi import Receive, Scope, Send

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6 here")
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["method"] == "GET"
    await receive()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@contextlib.contextmanager
def serving(listening: Listening) -> Iterator[int]:
    """The port of a server that listens there."""
    listener = listen(listening.host, listening.port)
    config = configuration(hello, keep_alive_s=listening.keep_alive_s, grace_s=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


def ask(connection: socket.socket) -> bytes:
    connection.sendall(REQUEST)
    return connection.recv(1 << 16)


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "callers"),
    [("::", ["::1", "127.0.0.1"]), ("::1", ["::1"]), ("127.0.0.1", ["127.0.0.1"])],
)
def test_an_address_of_either_kind_is_listened_on(host: str, callers: list[str]) -> None:
    with serving(Listening(host)) as port:
        for caller in callers:
            with socket.create_connection((caller, port), timeout=10) as connection:
                assert ask(connection).startswith(b"HTTP/1.1 204 ")


def test_an_idle_connection_is_closed_after_its_time_and_not_before() -> None:
    with (
        serving(Listening(keep_alive_s=1)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        assert ask(connection)
        assert ask(connection)
        assert connection.recv(1) == b""


def test_a_connection_outlives_the_idle_time_of_proxies() -> None:
    assert Listening().keep_alive_s > 60


def test_an_address_is_written_as_in_a_url() -> None:
    assert address_of("::1", 80) == "[::1]:80"
    assert address_of("127.0.0.1", 80) == "127.0.0.1:80"
