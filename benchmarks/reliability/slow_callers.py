"""Half requests and silent connections are ended within their limits, and nobody notices."""

import asyncio
from collections.abc import Iterator
from time import perf_counter

from benchmarks.reliability.outcome import Figure, Outcome, Plan
from benchmarks.reliability.serving import Served, models, serving
from benchmarks.reliability.traffic import calling, percentile, quick

HALF, SILENT = 600, 50
LIMIT_S = 5
SLACK_S = 3
"""Seconds: connections are looked at once a second."""
MOST_LINES = 3
_CONNECTIONS = 8
_START = b"POST /predict/times HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
_HALVES = (_START, _START + b'content-length: 100\r\n\r\n{"inputs"')


def slow_callers(_plan: Plan) -> Iterator[Outcome]:
    """Yield the row of callers that do not send their requests."""
    limits = {"LADING_HEAD_SECONDS": str(LIMIT_S), "LADING_BODY_SECONDS": str(LIMIT_S)}
    with models() as root, serving(root, **limits) as served:
        yield asyncio.run(_hold(served))


async def _hold(served: Served) -> Outcome:
    async with calling(quick(lambda: served.port), _CONNECTIONS) as alone:
        await asyncio.sleep(2)
    before = served.descriptors()
    async with calling(quick(lambda: served.port), _CONNECTIONS) as beside:
        started = perf_counter()
        starts = [_HALVES[number % len(_HALVES)] for number in range(HALF)] + [b""] * SILENT
        ended = await asyncio.gather(*(_until_closed(served.port, start) for start in starts))
        seconds = max(ended, default=0) - started
    left = served.descriptors() - before
    figures = [
        Figure(f"all gone after {seconds:.1f} s of {LIMIT_S} s", met=seconds < LIMIT_S + SLACK_S),
        Figure(f"{left} descriptors left open", met=left <= _CONNECTIONS),
        Figure(f"{served.notices()} log lines", met=1 <= served.notices() <= MOST_LINES),
        Figure(
            f"p99 of others {percentile(beside.times, 99):.1f} ms, "
            f"without them {percentile(alone.times, 99):.1f} ms"
        ),
    ]
    tried = f"{HALF} half requests and {SILENT} silent connections"
    seen = beside
    return Outcome(tried, 1, seen.requests, seen.lost, seen.wrong, figures, seen.reasons)


async def _until_closed(port: int, start: bytes) -> float:
    """Open a connection, send the start of a request, and return when the server has closed it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    await reader.read()
    writer.close()
    return perf_counter()
