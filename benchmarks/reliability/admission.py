"""200 connections ask a model of 0.2 s, and a quick model beside it does not notice."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import NamedTuple

from benchmarks.reliability.outcome import Figure, Outcome, Plan
from benchmarks.reliability.serving import Served, models, rounds_of, serving, slow_body
from benchmarks.reliability.traffic import Asking, calling, percentile, quick

CONNECTIONS = 200
RUN_S = 0.2
QUEUE, THREADS = 40, 1
SECONDS = 20
MOST_REFUSAL_MS, MOST_BESIDE_MS = 50, 10
_BOUND = 1.5
_BUSY = frozenset({503})


def admission(_plan: Plan) -> Iterator[Outcome]:
    """Yield the row of the admission."""
    limits = {
        "LADING_MOST_WAITING": str(QUEUE),
        "LADING_PREDICTIONS_AT_ONCE": str(THREADS),
        "LADING_THREADS": "1",
    }
    with models() as root, serving(root, **limits) as served:
        yield asyncio.run(_flood(served))


async def _flood(served: Served) -> Outcome:
    rounds = await asyncio.to_thread(rounds_of, served, RUN_S)
    asking = Asking(
        lambda: served.port,
        "/predict/slow",
        slow_body(rounds),
        lambda body: b"1.0" in body,
        pause_s=0,
        others=_BUSY,
    )
    with ProcessPoolExecutor(1) as process:  # the quick caller does not wait for the other 200
        async with calling(asking, CONNECTIONS) as slow:
            loop = asyncio.get_running_loop()
            beside = await loop.run_in_executor(process, _beside, served.port, SECONDS)
    started = perf_counter()
    status, _ = await asyncio.to_thread(served.fetch, "/predict/slow", slow_body(rounds))
    recovered = perf_counter() - started
    limit = 1000 * _BOUND * (QUEUE + THREADS) * RUN_S / THREADS
    admitted, refused = percentile(slow.times, 99), percentile(slow.refused, 99)
    other = percentile(beside.times, 99)
    ok = 200
    figures = [
        Figure(f"admitted p99 {admitted:.0f} of {limit:.0f} ms", met=admitted <= limit),
        Figure(
            f"{len(slow.refused)} refused, p99 {refused:.1f} of {MOST_REFUSAL_MS} ms",
            met=refused <= MOST_REFUSAL_MS,
        ),
        Figure(
            f"quick model beside p99 {other:.1f} of {MOST_BESIDE_MS} ms",
            met=other <= MOST_BESIDE_MS,
        ),
        Figure(f"afterwards one is answered in {1000 * recovered:.0f} ms", met=status == ok),
    ]
    tried = f"{CONNECTIONS} connections on a model of {RUN_S} s, a queue of {QUEUE}"
    count = slow.requests + len(beside.times) + beside.lost
    lost, wrong = slow.lost + beside.lost, slow.wrong + beside.wrong
    return Outcome(tried, 1, count, lost, wrong, figures, [*slow.reasons, *beside.reasons])


class Beside(NamedTuple):
    """What the caller of the quick model saw; see `Traffic`."""

    times: list[float]
    lost: int
    wrong: int
    reasons: list[str]


def _beside(port: int, seconds: float) -> Beside:
    return asyncio.run(_call_beside(port, seconds))


async def _call_beside(port: int, seconds: float) -> Beside:
    async with calling(quick(lambda: port), 1) as seen:
        await asyncio.sleep(seconds)
    return Beside(seen.times, seen.lost, seen.wrong, seen.reasons)
