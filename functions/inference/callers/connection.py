"""One connection over HTTP that keeps the limits on callers.

Whatever is refused here is answered in the form of its dialect: the reason goes to the application
in the scope of the request, and the application answers without reading the rest of the body.
"""

from asyncio import AbstractEventLoop, Transport
from typing import Any, Final, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from lading.functions.contract.errors import (
    InferenceError,
    RequestTooLarge,
    RequestTooSlow,
    ServerStopping,
)
from lading.functions.inference.callers.callers import Callers
from lading.functions.inference.callers.last_answer import LastAnswer
from lading.functions.inference.callers.limits import LONGEST_HEAD
from lading.functions.inference.callers.pace import Sending, Taking
from lading.functions.inference.wire.messages import REFUSAL

_TOO_LONG: Final = "Head of the request is too long."
_HEAD_ENDS: Final = b"\r\n\r\n"
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n\r\ntoo many connections\n"
)
_LATE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 37\r\n\r\n"
    b"the head of the request took too long"
)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol within the limits of `Callers`.

    Args:
        config: settings of uvicorn.
        server_state: what uvicorn's connections share.
        app_state: what uvicorn passes to the application.
        callers: the connections of the server.
    """

    received = 0
    """Bytes that the connection has received."""

    _pending = 0
    """Bytes since the parser last reported a whole head, a part of a body, or an end."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        callers: Callers | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.callers = callers or Callers()
        self._held = 0
        """Bytes of the body under way that the budget counts."""
        self._refused = False
        self._sending: Sending | None = None
        self._taking: Taking | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn
        """Take a connection, if there is room for it."""
        super().connection_made(transport)
        if not self.callers.admit(self, self.loop):
            self._refused = True
            transport.write(_FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.callers.open.discard(self)
        self._hold(0)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take more bytes; what follows a refusal is dropped."""
        size = len(data)
        self.received += size
        if self._refused:
            return
        self._pending += size
        if self._pending > LONGEST_HEAD and self._head_is_too_long(data, size):
            self.send_400_response(_TOO_LONG)
            return
        super().data_received(data)
        if self._pending > LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response(_TOO_LONG)
        cycle = self.cycle
        if cycle is not None and cycle.more_body and not cycle.response_complete:
            self.count_body(size)
        elif self._held:
            self._hold(0)

    def _head_is_too_long(self, data: bytes, size: int) -> bool:
        """Return whether a head is too long, before it is parsed."""
        if self.body_is_open():
            return False
        left = LONGEST_HEAD - (self._pending - size)
        return data.find(_HEAD_ENDS, 0, max(0, left) + len(_HEAD_ENDS)) < 0

    def count_body(self, size: int) -> None:
        """Count more bytes of a body that is not complete; without room for them, refuse it."""
        full = self.callers.budget.receive(size)
        if full is None:
            self._held += size
        else:
            self.refuse(full)

    def body_ended(self) -> None:
        """Leave the count of a body to those who wait for it."""
        self._hold(0)

    def body_is_open(self) -> bool:
        """Return whether the body of the current request is not complete."""
        cycle = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_complete

    def start_cycle(self) -> None:
        """Look at a head that is complete: whether its body is too long, or the server stops."""
        if self.callers.draining:
            self.cycle.keep_alive = False
        longest = self.callers.limits.longest_body
        for name, value in self.headers:
            if name == b"content-length" and int(value) > longest:
                self.callers.note("longest_body", f"a body of {int(value)} bytes was refused")
                self.refuse(RequestTooLarge(longest))

    def refuse(self, error: InferenceError) -> None:
        """Answer the current request with an error, whatever of its body is still to come."""
        self._refused = True
        self._hold(0)
        self.flow.resume_reading()
        self.transport = LastAnswer(self.transport, self.loop)  # type: ignore[assignment]
        self.end_request(error)

    def end_request(self, error: InferenceError) -> None:
        """Let the application answer an error now; see `refuse`."""
        cycle = self.cycle
        cast("dict[str, Any]", cycle.scope)[REFUSAL] = error
        cycle.transport, cycle.keep_alive, cycle.more_body = self.transport, False, False
        cycle.message_event.set()

    def drain(self) -> None:
        """Make the answer to the current request the last one."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection, unless a request is on its way or its answer is."""
        if not self.is_reading():
            super().shutdown()

    def abandon(self) -> None:
        """Refuse a request that is not complete, because the time to stop is over."""
        if self.body_is_open() and not self._refused:
            self.refuse(ServerStopping())

    def is_reading(self) -> bool:
        """Return whether part of a request has come, and not all of it."""
        return self._pending > 0 or self.body_is_open()

    def look(self, now: float) -> None:
        """End the connection if its caller is too slow."""
        if self.transport.is_closing():
            return
        self._look_at_answer(now)
        waits_for_us = self.flow.read_paused or not (self.is_reading() or self.cycle is None)
        if waits_for_us or self._refused:
            self._sending = None
            return
        sending = self._sending
        if sending is None or sending.request is not self.headers:
            self._sending = Sending(self.headers, now, self.received)
            return
        body, limits = self.body_is_open(), self.callers.limits
        if sending.late(now, self.received, limits, body=body):
            self._end_late(now - sending.since, self.received - sending.received, body=body)

    def _end_late(self, seconds: float, received: int, *, body: bool) -> None:
        if body:
            self.callers.note("body_s", f"a body was not complete after {seconds:.0f} s")
            self.refuse(RequestTooSlow(seconds, received))
            return
        self.callers.note("head_s", f"a head was not complete after {seconds:.0f} s")
        if self.received:
            self.transport.write(_LATE)
        self.transport.close()

    def _look_at_answer(self, now: float) -> None:
        left = self.transport.get_write_buffer_size()
        if not left:
            self._taking = None
        elif self._taking is None:
            self._taking = Taking(now, left)
        elif self._taking.late(now, left, self.callers.limits):
            self.callers.note("body_s", "a caller did not take its answer")
            self.transport.abort()

    def _hold(self, size: int) -> None:
        if self._held != size:
            self.callers.budget.forget(self._held - size)
            self._held = size
