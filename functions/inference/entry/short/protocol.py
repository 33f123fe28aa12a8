"""The container's HTTP protocol, which sends usual requests on the short way."""

from asyncio import AbstractEventLoop
from typing import Any, Final

from uvicorn import Config
from uvicorn.server import ServerState

from lading.functions.inference.entry.http_protocol import BoundedProtocol
from lading.functions.inference.entry.short.passage import Passage
from lading.functions.inference.entry.short.way import ShortWay

_UNUSUAL: Final = frozenset(
    {b"content-encoding", b"expect", b"transfer-encoding", b"upgrade", b"x-request-timeout"}
)
"""Headers of requests that go through the application."""

_MOST_DIGITS = 12


class ShortProtocol(BoundedProtocol):
    """The protocol of one connection; what is not usual goes through the application.

    Args:
        short: the short way.
        config: settings of uvicorn.
        server_state: what uvicorn's connections share.
        app_state: what uvicorn passes to the application.
    """

    def __init__(
        self,
        short: ShortWay,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.short = short
        self._passage: Passage | None = None
        """The request that is read now, if it is on the short way."""

    def on_headers_complete(self) -> None:
        """Handle a complete head; see `BoundedProtocol.on_headers_complete`."""
        self._passage = None
        super().on_headers_complete()

    def start_cycle(self) -> None:
        """Start on the request whose head is complete: on the short way, or the application."""
        found = self.short.routes.find(self.url)
        if found is None or not self._is_usual():
            super().start_cycle()
            return
        self._passage = Passage(self, *found, self.short.note)
        self.cycle = self._passage  # type: ignore[assignment] # stands in for one

    def _is_usual(self) -> bool:
        """Return whether the request may go the short way."""
        if self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # the connection has an answer under way
        if self.flow.write_paused or self.transport.is_closing():
            return False
        headers = dict(self.headers)
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > _MOST_DIGITS:
            return False
        return int(length) <= self.short.longest_body and _UNUSUAL.isdisjoint(headers)

    def on_body(self, body: bytes) -> None:
        """Handle a part of the body."""
        if self._passage is None:
            super().on_body(body)
            return
        self._pending = 0
        self._passage.chunks.append(body)

    def on_message_complete(self) -> None:
        """Handle the end of the request."""
        passage = self._passage
        if passage is None:
            super().on_message_complete()
            return
        self._pending, self._passage = 0, None
        self.short.take(passage)
