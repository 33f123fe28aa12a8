"""HTTP/1.1 for the container: httptools' parser, within limits and without protocol upgrades.

uvicorn's parser in Python limits the head of a request, but halves a server's throughput
(`benchmarks/suite`). httptools accepts a head of any length, so `GuardedProtocol` counts bytes.

A client may offer another protocol with `Upgrade`, as Java's HttpClient offers HTTP/2 with its
first request; a server that does not accept the offer ignores it (RFC 9110, 7.8). httptools ends
such a request after its head, without its body. So the head is parsed again without the offer.
"""

from asyncio import Transport
from collections.abc import Mapping
from typing import Any

import httptools

from lading.functions.inference.callers.connection import GuardedProtocol


class _Parser(httptools.HttpRequestParser):
    """A parser that ignores the offer of an upgrade."""

    def __init__(self, protocol: "BoundedProtocol") -> None:
        super().__init__(protocol)
        self._protocol = protocol
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def feed_data(self, data: Any) -> None:
        """Parse more bytes; a head that offers an upgrade is parsed again without the offer."""
        while True:
            try:
                return super().feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if not self._protocol.offers_upgrade():
                    raise  # CONNECT is not an offer
                data = self._protocol.head_without_offer() + data[offer.args[0] :]


class BoundedProtocol(GuardedProtocol):
    """The protocol of the image, which tells `GuardedProtocol` how far a request has come."""

    known: Mapping[bytes, bytes]
    """The headers of the current head by name; of several with one name, the last."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn
        """Create the parser of a new connection."""
        self.expect_request()
        super().connection_made(transport)

    def expect_request(self) -> None:
        """Create the parser of a request whose first byte is the next one."""
        self.parser, self._pending = _Parser(self), 0

    def offers_upgrade(self) -> bool:
        """Return whether the current head offers another protocol."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def head_without_offer(self) -> bytes:
        """Return the head of the current request without the offer."""
        line = b"%s %s HTTP/%s" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        headers = (b"%s: %s" % pair for pair in self.headers if pair[0] != b"upgrade")
        return b"\r\n".join([line, *headers, b"", b""])

    def on_message_begin(self) -> None:
        """Prepare for a head; `start_cycle` makes the rest, which not every request needs."""
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Handle one header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Handle a complete head.

        Raises:
            ValueError: there is not exactly one Host header; uvicorn answers 400 (RFC 9112, 3.2).
        """
        self._pending = 0
        self.known = known = dict(self.headers)
        hosts = int(b"host" in known)
        if len(known) < len(self.headers):
            hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("a request needs one Host header")
        if b"expect" in known:
            expected = [value.lower() for name, value in self.headers if name == b"expect"]
            self.expect_100_continue = b"100-continue" in expected
        if not self.offers_upgrade():
            self.start_cycle()

    def start_cycle(self) -> None:
        """Start the application on the request whose head is complete."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()  # makes the scope, with an empty list of headers
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()
        super().start_cycle()

    def on_body(self, body: bytes) -> None:
        """Handle a part of the body."""
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Handle the end of the request."""
        self._pending = 0
        if not self.offers_upgrade():
            super().on_message_complete()
