"""A network between a client and an HTTP server that does what networks and S3 do on bad days."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["none", "throttled", "unavailable", "cut", "altered", "refused", "slow"]

_OF_THE_HOP = {"connection", "transfer-encoding"}
_OF_THE_ANSWER = {*_OF_THE_HOP, "content-length", "date", "server"}
_PIECES, _PAUSE_S = 20, 0.01
"""Of a slow answer."""
_BODY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Network:
    """The faults that are still to come, one for each request; afterwards there are none.

    Args:
        url: the server behind it.
    """

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.server = (address.hostname or "", address.port or 0)
        self.coming: list[Fault] = []
        self.requests = 0
        self.url = ""
        self.owner: str | None = None
        """The account that each request must expect the bucket to belong to; None: any."""
        self.expected: set[str | None] = set()
        """The accounts that requests expected; None for a request that expected none."""

    def will(self, *faults: Fault) -> None:
        """Let the next requests meet these faults."""
        self.coming = list(faults)
        self.requests = 0


class _Hop(BaseHTTPRequestHandler):
    """Passes a request on, or lets it meet its fault."""

    protocol_version = "HTTP/1.1"
    network: Network

    def answer(self) -> None:
        self.network.requests += 1
        coming = self.network.coming
        fault = coming.pop(0) if coming else "none"
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        expected = self.headers.get("x-amz-expected-bucket-owner")
        self.network.expected.add(expected)
        if self.network.owner not in (None, expected):
            self.reply(403, [], _BODY.replace(b"SlowDown", b"AccessDenied"))
        elif fault == "refused":
            self.close_connection = True
        elif fault in {"throttled", "unavailable"}:
            self.reply(503, [], _BODY if fault == "throttled" else b"")
        else:
            status, headers, body = self.passed_on(sent)
            if fault == "altered" and body:
                middle = len(body) // 2
                body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
            self.reply(status, headers, body, fault)

    def passed_on(self, body: bytes) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _OF_THE_HOP}
        with closing(HTTPConnection(*self.network.server)) as connection:
            connection.request(self.command, self.path, body, headers)
            with connection.getresponse() as reply:
                hidden = _OF_THE_ANSWER if self.command != "HEAD" else _OF_THE_HOP
                kept = [(k, v) for k, v in reply.getheaders() if k.lower() not in hidden]
                return reply.status, kept, reply.read()

    def reply(
        self, status: int, headers: Sequence[tuple[str, str]], body: bytes, fault: Fault = "none"
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":  # the one that is passed on is that of the object
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = fault == "cut"
        if self.command != "HEAD":
            self.send_body(body[: len(body) // 2] if fault == "cut" else body, fault)

    def send_body(self, body: bytes, fault: Fault) -> None:
        pieces = _PIECES if fault == "slow" else 1
        size = -(-len(body) // pieces) or 1
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            if fault == "slow":
                time.sleep(_PAUSE_S)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 what the server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


@contextmanager
def faulty(url: str) -> Iterator[Network]:
    """A network before the server at `url`; `Network.url` leads through it."""
    network = Network(url)
    hop = type("Hop", (_Hop,), {"network": network})
    with ThreadingHTTPServer(("127.0.0.1", 0), hop) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        network.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield network
        finally:
            server.shutdown()
            thread.join()
