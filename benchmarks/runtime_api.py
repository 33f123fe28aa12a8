"""A part of Lambda's Runtime API, enough to time AWS's runtime client.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. A client asks for `invocation/next`
and posts to `invocation/<id>/response` or to an `error`; each arrives here as a `Call` with its
time. HTTP is spoken by hand, so that little of what is measured is this side's.
"""

import queue
import socket
import threading
import time
from dataclasses import dataclass
from io import BufferedReader
from itertools import count

from lading.functions.contract.limits import GATEWAY

ARN = "arn:aws:lambda:us-east-1:000000000000:function:benchmark"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the runtime client: `next`, `response` or `error`."""

    kind: str
    at: float
    body: bytes
    since_event: float
    """Seconds since the last event was sent."""


class RuntimeApi:
    """A server for one runtime client at a time, which listens until `close`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._sent = 0.0
        self._ids = count(1)
        threading.Thread(target=self._accept, daemon=True).start()

    def expect(self, kind: str, seconds: float = 60) -> Call:
        """Return the next call, which must be of this kind."""
        call = self._calls.get(timeout=seconds)
        if call.kind != kind:
            raise RuntimeError(f"the runtime sent {call.kind}, not {kind}: {call.body[:2000]!r}")
        return call

    def send(self, event: bytes) -> None:
        """Answer the pending or coming `next` with an event."""
        self._events.put(event)

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while line := stream.readline():
                    self._respond(connection, line.split()[1].decode(), _read_body(stream))
            except OSError:
                return

    def _respond(self, connection: socket.socket, path: str, body: bytes) -> None:
        kind = path.rsplit("/", 1)[1]
        now = time.perf_counter()
        self._calls.put(Call(kind, now, body, now - self._sent))
        if kind == "next":
            answer = self._invocation(self._events.get())
            self._sent = time.perf_counter()
        else:
            answer = _http("202 Accepted", "", b'{"status":"OK"}')
        connection.sendall(answer)

    def _invocation(self, event: bytes) -> bytes:
        deadline = int((time.time() + GATEWAY.timeout_s) * 1000)
        headers = (
            f"Lambda-Runtime-Aws-Request-Id: {next(self._ids):032d}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {ARN}\r\n"
        )
        return _http("200 OK", headers, event)


def _read_body(stream: BufferedReader) -> bytes:
    """Read the headers for the length of the body, then the body."""
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return stream.read(length)


def _http(status: str, headers: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
