"""Callers that send the next request as soon as they have an answer, over one connection each.

All callers send the same request. The first answer of a connection is read by its head; an answer
of the same length that begins alike needs no more reading, so the callers cost little.
"""

import asyncio
from time import perf_counter
from typing import NamedTuple, cast

import uvloop

_LENGTH = b"content-length: "
_HEAD_ENDS = b"\r\n\r\n"
ANSWER_S = 60
"""The longest time for one answer; then TimeoutError is raised."""
_BEGINS = 12
"""Bytes of `HTTP/1.1 200`."""


class Answered(NamedTuple):
    """What callers saw.

    Args:
        times: seconds of each answer.
        seconds: how long the callers asked.
        answer: the last answer, with its head.
    """

    times: list[float]
    seconds: float
    answer: bytes

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.times) / self.seconds


class _Caller(asyncio.Protocol):
    """One connection, which records the time of each answer until it is stopped."""

    def __init__(self, request: bytes, times: list[float]) -> None:
        self._request, self._times = request, times
        self._known = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self.running, self.answer = True, b""
        self.stopped = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another base
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        received = b"".join(self._parts)
        if self._size != self._known or not received.startswith(b"HTTP/1.1 200"):
            size = whole_size(received)
            if not size or len(received) < size:
                self._parts = [received]
                return
            self._known = size
            if b" 200 " not in received[: _BEGINS + 1]:
                self._error = RuntimeError(received.decode(errors="replace")[:2000])
                self._transport.abort()
                return
        self._times.append(perf_counter() - self._started)
        self.answer = received
        if self.running:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.stopped.done():
            self.stopped.set_result(self._error or exc)

    def _ask(self) -> None:
        self._parts, self._size = [], 0
        self._started = perf_counter()
        self._transport.write(self._request)


def whole_size(received: bytes) -> int:
    """Return the size of the answer that begins here, head and body; 0 if its head is cut off.

    Raises:
        RuntimeError: it has no content-length.
    """
    head, found, _ = received.partition(_HEAD_ENDS)
    if not found:
        return 0
    start = head.lower().find(_LENGTH)
    if start < 0:
        raise RuntimeError(f"an answer without content-length: {head[:500]!r}")
    value = head[start + len(_LENGTH) :].partition(b"\r\n")[0]
    return len(head) + len(_HEAD_ENDS) + int(value)


def load(port: int, request: bytes, connections: int, seconds: float) -> Answered:
    """Send requests for some seconds, and return what came back.

    Raises:
        RuntimeError: an answer is not 200.
        ConnectionError: nothing listens, or a connection was lost.
    """
    return uvloop.run(_load(port, request, connections, seconds))


async def _load(port: int, request: bytes, connections: int, seconds: float) -> Answered:
    times: list[float] = []
    loop = asyncio.get_running_loop()
    begun = perf_counter()
    opened = [
        await loop.create_connection(lambda: _Caller(request, times), "127.0.0.1", port)
        for _ in range(connections)
    ]
    callers = [caller for _, caller in opened]
    await asyncio.wait(
        [each.stopped for each in callers], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    spent = perf_counter() - begun
    counted = list(times)
    ended_early = any(caller.stopped.done() for caller in callers)
    for transport, caller in opened:
        caller.running = False
        if ended_early:
            transport.abort()
    stopped = asyncio.gather(*(caller.stopped for caller in callers))
    for error in await asyncio.wait_for(stopped, ANSWER_S):
        if error:
            raise error
    if not counted:  # not even one answer in that time
        counted, spent = times, perf_counter() - begun
    return Answered(counted, spent, callers[0].answer)


def ask(port: int, request: bytes) -> bytes:
    """Send one request, and return the body of its answer; for `load`'s errors see there."""
    answer = uvloop.run(_once(port, request))
    return answer.partition(_HEAD_ENDS)[2]


async def _once(port: int, request: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_connection(lambda: _Caller(request, []), "127.0.0.1", port)
    caller.running = False
    error = await asyncio.wait_for(caller.stopped, ANSWER_S)
    if error or not caller.answer:
        raise error or ConnectionError("closed without an answer")
    return caller.answer


def post(path: str, body: bytes, content_type: str = "application/json", more: str = "") -> bytes:
    """Return an HTTP/1.1 request as bytes; `more` are header lines, each with its line end."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\n{more}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def get(path: str) -> bytes:
    """Return an HTTP/1.1 request without a body as bytes."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
