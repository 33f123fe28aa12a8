"""Callers that send the next request as soon as they have an answer, over one connection each."""

import asyncio
from time import perf_counter

_LENGTH = b"content-length: "
_HEAD_ENDS = b"\r\n\r\n"


class _Caller(asyncio.Protocol):
    """One connection, which records the time of each answer until it is stopped."""

    def __init__(self, request: bytes, times: list[float]) -> None:
        self._request, self._times = request, times
        self.running = True
        self.stopped = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_HEAD_ENDS)
        if not found:
            return
        start = head.lower().index(_LENGTH) + len(_LENGTH)
        if len(body) < int(head[start:].partition(b"\r\n")[0]):
            return
        if b" 200 " not in head[:20]:
            raise RuntimeError(bytes(self._received).decode(errors="replace"))
        self._times.append(perf_counter() - self._started)
        if self.running:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stopped.set_result(exc)

    def _ask(self) -> None:
        self._received = bytearray()
        self._started = perf_counter()
        self._transport.write(self._request)


def load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    """Send requests for some seconds, and return the seconds that each answer took.

    Raises:
        RuntimeError: an answer is not 200.
    """
    return asyncio.run(_load(port, request, connections, seconds))


async def _load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    times: list[float] = []
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Caller(request, times), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for _, caller in opened:
        caller.running = False
    lost = await asyncio.gather(*(caller.stopped for _, caller in opened))
    for error in lost:
        if error:
            raise error
    return times


def post(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """Return an HTTP/1.1 request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
