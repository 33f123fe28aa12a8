"""HTTP/1.1 as the container speaks it: httptools' parser, bounded, and without any upgrade.

uvicorn's parser in Python bounds the head of a request, and halves what a server can answer
(`benchmarks/throughput.py`). httptools keeps a head of any length, so what it gets is counted here.

A client may offer another protocol with `Upgrade`, as Java's HttpClient offers HTTP/2 with each
first request; a server that does not take the offer answers as if there were none (RFC 9110, 7.8).
httptools ends such a request behind its head, without its body. So the head is read once more
without the offer.
"""

from asyncio import Transport
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""As uvicorn's other parser has it; API Gateway takes 10 KB."""


class _Parser(httptools.HttpRequestParser):
    """Reads a request with the offer of an upgrade as the same request without it."""

    def __init__(self, protocol: "BoundedProtocol") -> None:
        super().__init__(protocol)
        self._protocol = protocol
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def feed_data(self, data: Any) -> None:
        """Parse on; a head with an offer again, without it."""
        while True:
            try:
                return super().feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if not self._protocol.offers_upgrade():
                    raise  # CONNECT is not an offer
                data = self._protocol.head_without_offer() + data[offer.args[0] :]


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head, or what stands between and after the parts of a body, that does not end."""

    _pending = 0
    """Bytes since the parser gave something away: a whole head, a part of a body, an end."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn
        """A client is there."""
        self.parser = _Parser(self)
        super().connection_made(transport)

    def offers_upgrade(self) -> bool:
        """Whether the head that is being read offers another protocol."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def head_without_offer(self) -> bytes:
        """The head of the request that is being read, without the offer."""
        line = b"%s %s HTTP/%s" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        headers = (b"%s: %s" % pair for pair in self.headers if pair[0] != b"upgrade")
        return b"\r\n".join([line, *headers, b"", b""])

    def data_received(self, data: bytes) -> None:
        """Read on, unless too much has come that only the parser has."""
        self._pending += len(data)
        super().data_received(data)
        if self._pending > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Head of the request is too long.")

    def on_headers_complete(self) -> None:
        """All headers are there.

        Raises:
            ValueError: the request names no host, or several; uvicorn answers 400 (RFC 9112, 3.2).
        """
        self._pending = 0
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("a request needs one Host header")
        if not self.offers_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is."""
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is; what follows is another."""
        self._pending = 0
        if not self.offers_upgrade():
            super().on_message_complete()
