"""Callers that keep their connections open, check each answer, and count what they lose."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import uniform
from time import perf_counter
from typing import NamedTuple

from benchmarks.reliability.serving import FACTOR

PATIENCE_S = 60.0
_MOST_REASONS = 5


class Asking(NamedTuple):
    """What callers send.

    Args:
        port: where the next connection goes to.
        path: of the request.
        body: of the request.
        right: whether an answer of status 200 is right.
        pause_s: seconds between an answer and the next request.
        refused_pause_s: the same after a 503.
        others: statuses that are an answer, too, besides 200.
    """

    port: Callable[[], int]
    path: str
    body: bytes
    right: Callable[[bytes], bool]
    pause_s: float = 0.05
    refused_pause_s: float = 1.0
    others: frozenset[int] = frozenset()

    def request(self) -> bytes:
        """Return the bytes of the request."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


def quick(port: Callable[[], int], pause_s: float = 0.05, value: float = 3.0) -> Asking:
    """Return requests to the model `times`, whose answers are known."""

    def right(body: bytes) -> bool:
        return bool(json.loads(body)["outputs"] == {"y": [[value * FACTOR]]})

    return Asking(
        port, "/predict/times", json.dumps({"inputs": [[value]]}).encode(), right, pause_s
    )


class Traffic:
    """What callers saw.

    Args:
        asking: what they send.
    """

    def __init__(self, asking: Asking) -> None:
        self.asking, self.running = asking, True
        self.times: list[float] = []
        """Seconds of each answer of status 200."""
        self.refused: list[float] = []
        """Seconds of each 503, from the request to the answer."""
        self.statuses: Counter[int] = Counter()
        self.lost = self.wrong = 0
        self.reasons: list[str] = []

    @property
    def requests(self) -> int:
        """How many requests were answered or lost."""
        return sum(self.statuses.values()) + self.lost

    async def call(self) -> None:
        """Send requests over one connection at a time until the traffic ends."""
        writer: asyncio.StreamWriter | None = None
        while self.running:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.asking.port())
                started = perf_counter()
                async with asyncio.timeout(PATIENCE_S):
                    writer.write(self.asking.request())
                    status, head, body = await _answer(reader)
            except (OSError, EOFError, TimeoutError) as error:
                self.lost += 1
                self._say(f"lost: {type(error).__name__} {error}")
                _close(writer)
                writer = None
                continue
            self._take(status, body, perf_counter() - started)
            if b"connection: close" in head:
                _close(writer)
                writer = None
            await asyncio.sleep(self._pause(status))
        _close(writer)

    def _pause(self, status: int) -> float:
        """Return seconds to wait; callers who were refused together do not return together."""
        if status == 200:  # noqa: PLR2004 OK
            return self.asking.pause_s
        return self.asking.refused_pause_s * uniform(0.5, 1.5)  # noqa: S311 no secret

    def _take(self, status: int, body: bytes, seconds: float) -> None:
        self.statuses[status] += 1
        if status == 200:  # noqa: PLR2004 OK
            self.times.append(seconds)
            if not self.asking.right(body):
                self.wrong += 1
                self._say(f"wrong: {body[:100]!r}")
        elif status in self.asking.others:
            self.refused.append(seconds)
        else:
            self.wrong += 1
            self._say(f"status {status}: {body[:100]!r}")

    def _say(self, reason: str) -> None:
        if len(self.reasons) < _MOST_REASONS:
            self.reasons.append(reason)


@asynccontextmanager
async def calling(asking: Asking, connections: int) -> AsyncIterator[Traffic]:
    """Have so many callers send requests while the block runs."""
    traffic = Traffic(asking)
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(traffic.call())
        try:
            yield traffic
        finally:
            traffic.running = False


def percentile(times: list[float], percent: float) -> float:
    """Return a percentile of times in milliseconds; 0 if there are none."""
    ordered = sorted(times)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if times else 0


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return int(head.split(b" ", 2)[1]), head, await reader.readexactly(length)


def _close(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None:
        writer.close()
