"""Callers of gRPC over one connection of HTTP/2; grpcio's own client is as slow as the server.

Headers are sent as literals, so there is no table to keep (RFC 7541, 6.2.2). Of the answers only
the size is read, which must be that of the answer that a stock client got before.
"""

import asyncio
import struct
from collections import deque
from time import perf_counter
from typing import cast

import uvloop

from benchmarks.load import ANSWER_S, Answered

_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_ID = 4
_HEAD = 9
_FRAME = 16384
_OPEN_WINDOW = (1 << 30) - 65535


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one frame."""
    head = struct.pack(">I", len(payload))[1:] + bytes((kind, flags))
    return head + struct.pack(">I", stream) + payload


def headers(path: str) -> bytes:
    """Return the block of headers of a call."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "127.0.0.1",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields.items())


def _text(text: str) -> bytes:
    return bytes((len(text),)) + text.encode()


class _Connection(asyncio.Protocol):
    """Many calls at once, or many streams, each of which sends the next request when answered.

    Args:
        path: `/package.Service/Method`.
        message: the request, serialized.
        answer: bytes of the serialized answer; a shorter or longer one is an error.
        times: gets the seconds of each answer.
        streaming: whether each stream stays open; else each request is a call of its own.
    """

    def __init__(
        self, path: str, message: bytes, answer: int, times: list[float], *, streaming: bool
    ) -> None:
        self._headers = headers(path)
        self._message = b"\x00" + struct.pack(">I", len(message)) + message
        self._answer, self._times, self._streaming = answer + 5, times, streaming
        self._buffer = b""
        self._next = 1
        self._window, self._stream_window = 65535, 65535
        self._windows: dict[int, int] = {}
        self._started: dict[int, float] = {}
        self._received: dict[int, int] = {}
        self._waiting: deque[tuple[int, memoryview]] = deque()
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        settings = struct.pack(">HI", _INITIAL_WINDOW_ID, (1 << 31) - 1)
        window = frame(_WINDOW, 0, 0, struct.pack(">I", _OPEN_WINDOW))
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        self._transport.write(preface + frame(_SETTINGS, 0, 0, settings) + window)

    def start(self, count: int) -> None:
        """Begin so many calls or streams."""
        for _ in range(count):
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server closed the connection: {exc}")

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while len(buffer) - at >= _HEAD:
            size = int.from_bytes(buffer[at : at + 3], "big")
            if len(buffer) - at < _HEAD + size:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big")
            self._take(kind, flags, stream, buffer[at + _HEAD : at + _HEAD + size])
            if self.stopped.done():
                return
            at += _HEAD + size
        self._buffer = buffer[at:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA:
            self._take_data(stream, len(payload))
        elif kind == _HEADERS and flags & _END_STREAM:
            self._end(stream)
        elif kind == _SETTINGS and not flags & _ACK:
            self._set(payload)
        elif kind == _WINDOW:
            self._widen(stream, int.from_bytes(payload, "big"))
        elif kind == _PING and not flags & _ACK:
            self._transport.write(frame(_PING, _ACK, 0, payload))
        elif kind in {_RESET, _GOAWAY}:
            self._fail(f"the server ended stream {stream}: {payload!r}")

    def _take_data(self, stream: int, size: int) -> None:
        given = self._received[stream] = self._received.get(stream, 0) + size
        if given > self._answer:
            self._fail(f"an answer has more than {self._answer} bytes")
        elif self._streaming and given == self._answer:
            self._note(stream)
            self._ask(stream)

    def _end(self, stream: int) -> None:
        """A call ends with its trailers; without data it failed."""
        if self._streaming or self._received.get(stream) != self._answer:
            self._fail(f"stream {stream} ended after {self._received.get(stream, 0)} bytes")
            return
        self._note(stream)
        self._windows.pop(stream, None)
        self._begin()

    def _note(self, stream: int) -> None:
        self._times.append(perf_counter() - self._started.pop(stream))
        self._received.pop(stream)

    def _begin(self) -> None:
        stream, self._next = self._next, self._next + 2
        self._windows[stream] = self._stream_window
        self._transport.write(frame(_HEADERS, _END_HEADERS, stream, self._headers))
        self._ask(stream)

    def _ask(self, stream: int) -> None:
        self._started[stream] = perf_counter()
        self._waiting.append((stream, memoryview(self._message)))
        self._send()

    def _send(self) -> None:
        """Send what the server's windows allow; streams that must wait take turns."""
        for _ in range(len(self._waiting)):
            stream, rest = self._waiting.popleft()
            parts = []
            while rest and (room := min(_FRAME, self._window, self._windows[stream])) > 0:
                part, rest = rest[:room], rest[room:]
                self._window -= len(part)
                self._windows[stream] -= len(part)
                last = not rest and not self._streaming
                parts.append(frame(_DATA, _END_STREAM if last else 0, stream, bytes(part)))
            if parts:
                self._transport.write(b"".join(parts))
            if rest:
                self._waiting.append((stream, rest))

    def _set(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            key, value = struct.unpack_from(">HI", payload, at)
            if key == _INITIAL_WINDOW_ID:
                change, self._stream_window = value - self._stream_window, value
                self._windows = {it: room + change for it, room in self._windows.items()}
        self._transport.write(frame(_SETTINGS, _ACK, 0))
        self._send()

    def _widen(self, stream: int, more: int) -> None:
        if stream == 0:
            self._window += more
        elif stream in self._windows:
            self._windows[stream] += more
        self._send()

    def _fail(self, reason: str) -> None:
        self._transport.abort()
        if not self.stopped.done():
            self.stopped.set_exception(RuntimeError(reason))


def load_rpc(  # noqa: PLR0913 the load is one thing
    port: int,
    path: str,
    message: bytes,
    answer: int,
    *,
    at_once: int,
    seconds: float,
    streaming: bool,
) -> Answered:
    """Call a method for some seconds, `at_once` calls or streams at a time.

    Raises:
        RuntimeError: a call failed, or an answer has another size.
    """

    async def run() -> Answered:
        times: list[float] = []
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_connection(
            lambda: _Connection(path, message, answer, times, streaming=streaming),
            *("127.0.0.1", port),
        )
        begun = perf_counter()
        connection.start(at_once)
        await asyncio.wait([connection.stopped], timeout=min(seconds, ANSWER_S))
        spent = perf_counter() - begun
        transport.abort()
        if connection.stopped.done():
            connection.stopped.result()
        connection.stopped.cancel()
        return Answered(list(times), spent, b"")

    return uvloop.run(run())
