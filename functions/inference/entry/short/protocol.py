"""The container's HTTP protocol, which sends usual requests on the short way."""

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from typing import Any, Final

from uvicorn import Config
from uvicorn.server import ServerState

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.callers.callers import Callers
from lading.functions.inference.entry.http_protocol import BoundedProtocol
from lading.functions.inference.entry.short.long_body import LongBody, Part
from lading.functions.inference.entry.short.passage import Passage
from lading.functions.inference.entry.short.way import LONG_BODY, ShortWay

_UNUSUAL: Final = frozenset(
    {b"content-encoding", b"expect", b"transfer-encoding", b"upgrade", b"x-request-timeout"}
)
"""Headers of requests that go through the application."""

_MOST_DIGITS = 12
_HEAD_ENDS = b"\r\n\r\n"


class ShortProtocol(BoundedProtocol):
    """The protocol of one connection; what is not usual goes through the application.

    Args:
        short: the short way.
        config: settings of uvicorn.
        server_state: what uvicorn's connections share.
        app_state: what uvicorn passes to the application.
        callers: the connections of the server.
    """

    def __init__(
        self,
        short: ShortWay,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        callers: Callers | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, callers=callers)
        self.short = short
        self._passage: Passage | None = None
        """The request that is read now, if it is on the short way."""
        self._length = 0
        """The length of its body, as its head states it."""
        self._long: LongBody | None = None
        """What receives its body, if that is long."""
        self._idle_since: float | None = None
        """When the last answer was sent; None while there is a request."""

    def data_received(self, data: bytes) -> None:
        """Parse more bytes; the rest of a long body is not parsed, see `LongBody`."""
        if len(data) > LONG_BODY and (self.cycle is None or self.cycle.response_complete):
            self._split(data)
            return
        super().data_received(data)
        if self._passage is not None and self._length > LONG_BODY:
            self._receive(self._passage, self._passage.chunks)

    def _split(self, data: bytes) -> None:
        """Parse a head, and what follows only if that is not the begin of a long body."""
        end = data.find(_HEAD_ENDS) + len(_HEAD_ENDS)
        super().data_received(data[:end])
        rest, passage = memoryview(data)[end:], self._passage
        long = passage is not None and len(rest) < self._length > LONG_BODY
        if passage is not None and long and self._receive(passage, [rest]):
            self.received += len(rest)
            self.count_body(len(rest))
            return
        if rest and not self.transport.is_closing():
            super().data_received(data[end:])

    def _receive(self, passage: Passage, first: Sequence[Part]) -> bool:
        """Receive the rest of a long body past the parser; return False if that is not possible."""
        length, room = self._length, self.short.room
        if not passage.reads_in_place() or not room.take(length):
            self._length = 0  # its parts are parsed
            return False

        def ended(content: bytearray | None) -> None:
            room.give_back(length)
            self._passage = self._long = None
            self.body_ended()
            if content is not None:
                passage.chunks = [content]
                self.expect_request()
                self.short.take(passage)

        self._long = LongBody(self, length, passage.json_size(length), first, ended)
        return True

    def on_response_complete(self) -> None:
        """Go on after an answer; see `timeout_keep_alive_handler`."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait_idle(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for so long; else look again later.

        uvicorn starts a timer after each answer and ends it with the next request.
        """
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # the next answer starts it again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._wait_idle(left)
        else:
            super().timeout_keep_alive_handler()

    def _wait_idle(self, seconds: float) -> None:
        later = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
        self.timeout_keep_alive_task = later

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the connection."""
        super().connection_lost(exc)
        super()._unset_keepalive_if_required()

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
        if self.callers.draining:
            self._passage.keep_alive = False
        self.cycle = self._passage  # type: ignore[assignment] # stands in for one

    def _is_usual(self) -> bool:
        """Return whether the request may go the short way."""
        if self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # the connection has an answer under way
        if self.flow.write_paused or self.transport.is_closing():
            return False
        headers = self.known
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > _MOST_DIGITS:
            return False
        self._length = int(length)
        return self._length <= self.short.longest_body and _UNUSUAL.isdisjoint(headers)

    def on_body(self, body: bytes) -> None:
        """Handle a part of the body."""
        if self._passage is None:
            super().on_body(body)
            return
        self._pending = 0
        self._passage.chunks.append(body)

    def end_request(self, error: InferenceError) -> None:
        """Answer an error now; see `GuardedProtocol.refuse`."""
        passage, self._passage = self._passage, None
        if self._long is not None:
            self._long.give_up()
        if passage is None:
            super().end_request(error)
        else:
            self.short.refuse(passage, error)

    def on_message_complete(self) -> None:
        """Handle the end of the request."""
        passage = self._passage
        if passage is None:
            super().on_message_complete()
            return
        self._pending, self._passage = 0, None
        self.short.take(passage)
