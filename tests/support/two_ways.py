"""The same models behind two servers: one with the short way, one with the application alone."""

import asyncio
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.entry.http_server import HttpServer, configuration
from lading.functions.inference.entry.short.passage import Passage
from lading.functions.inference.entry.short.way import ShortWay
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.messages import Observation

END = b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
"""A request after which the server closes the connection."""


class Lines(io.StringIO):
    """What is logged; a reader can wait for a line."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def write(self, text: str) -> int:
        with self._changed:
            size = super().write(text)
            self._changed.notify_all()
            return size

    def taken(self, count: int) -> list[dict[str, Any]]:
        """The lines since the last call, once there are so many."""

        def complete() -> bool:
            return self.getvalue().count("\n") >= count

        with self._changed:
            assert self._changed.wait_for(complete, timeout=60), self.getvalue()[-2000:]
            lines = self.getvalue().splitlines()
            self.seek(0)
            self.truncate()
        return [json.loads(line) for line in lines]


class CountingWay(ShortWay):
    """The short way, which counts what it takes."""

    taken = 0
    loop: asyncio.AbstractEventLoop

    def take(self, passage: Passage) -> None:
        """See `ShortWay.take`."""
        self.taken += 1
        self.loop = passage.protocol.loop
        super().take(passage)


class Way:
    """A server of some models, and what it logs and counts."""

    def __init__(self, settings: ServingSettings, *, longest: int, short: bool) -> None:
        self.lines, self.counted = Lines(), list[tuple[Any, ...]]()
        self.started: list[float | None] = []
        self.catalog = load_catalog(settings)
        self.lanes = Lanes(LaneLimits(threads=2))
        observed = Observability(settings, self._count, output=self.lines)
        app = create_app(self.catalog, longest_body=longest, lanes=self.lanes)
        self.short = None
        if short:
            self.short = CountingWay(self.catalog, observed, self.lanes, longest)
            app = self.short.learning(app)
        config = configuration(
            observed.served(app), keep_alive_s=5, grace_s=5, log_level="critical", short=self.short
        )
        self.server = HttpServer(config)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True
        )

    def _count(self, seen: Observation, status: int) -> None:
        self.started.append(seen.compute_started)
        spans = (span for span in seen.milliseconds() if span != "queue")  # it may have waited
        self.counted.append((seen.model, seen.version, seen.dialect, status, *spans))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listener.getsockname(), timeout=60)

    def send(self, *parts: bytes, end: bytes = END) -> bytes:
        """What is answered to the parts and the end, until the server closes the connection."""
        answer = b""
        with self.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for part in (*parts, end):
                    connection.sendall(part)
                while more := connection.recv(1 << 16):
                    answer += more
            except ConnectionError:
                pass
        return answer


@contextmanager
def running(settings: ServingSettings, *, longest: int = 1 << 20, short: bool) -> Iterator[Way]:
    """A server of this kind, until the block ends."""
    way = Way(settings, longest=longest, short=short)
    way.thread.start()
    while not way.server.started:
        assert way.thread.is_alive()
        time.sleep(0.01)
    try:
        yield way
    finally:
        way.server.should_exit = True
        way.thread.join(30)
        way.lanes.close()
