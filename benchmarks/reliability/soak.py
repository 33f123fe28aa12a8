"""An hour of good and failing requests: memory and descriptors stay as they are."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

from benchmarks.reliability.outcome import Figure, Outcome, Plan
from benchmarks.reliability.serving import Served, models, serving
from benchmarks.reliability.traffic import Asking, calling, quick

MOST_GROWN_MIB = 1.0
_WARM = 1 / 6
"""The share of the time after which memory must not grow: 10 of 60 minutes."""
_CONNECTIONS = 8
_PAUSE_S, _FAILING_PAUSE_S = 0.1, 0.4
"""Between the requests of one connection: 80 a second of each kind. Memory grows by the request."""
_FAILING = (
    ("/predict/times", b'{"inputs": [[1,'),
    ("/predict/times", b'{"inputs": {"other": [1]}}'),
    ("/predict/none", b'{"inputs": [[1]]}'),
    ("/v1/models/times:predict", b'{"instances": "' + b"a" * 100_000 + b'"}'),
)
_ERRORS = frozenset({400, 404})


def soak(plan: Plan) -> Iterator[Outcome]:
    """Yield the row of the soak."""
    with models() as root, serving(root) as served:
        yield asyncio.run(_last(served, plan))


async def _last(served: Served, plan: Plan) -> Outcome:
    seconds = 60 * plan.minutes
    asked = [quick(lambda: served.port, _PAUSE_S), *(_failing(served, *each) for each in _FAILING)]
    async with AsyncExitStack() as opened:
        every = [await opened.enter_async_context(calling(each, _CONNECTIONS)) for each in asked]
        await asyncio.sleep(_WARM * seconds)
        memory, descriptors = served.memory_mib(), served.descriptors()
        plan.say(f"soak: {memory:.1f} MiB and {descriptors} descriptors after a sixth of the time")
        await asyncio.sleep((1 - _WARM) * seconds)
        grown, more = served.memory_mib() - memory, served.descriptors() - descriptors
    figures = [
        Figure(f"memory {grown:+.2f} of {MOST_GROWN_MIB} MiB", met=grown <= MOST_GROWN_MIB),
        Figure(f"descriptors {more:+d}", met=more <= 0),
    ]
    return Outcome(
        f"{plan.minutes:g} minutes of good and failing requests",
        1,
        sum(each.requests for each in every),
        sum(each.lost for each in every),
        sum(each.wrong for each in every),
        figures,
        [reason for each in every for reason in each.reasons],
    )


def _failing(served: Served, path: str, body: bytes) -> Asking:
    return Asking(
        lambda: served.port,
        path,
        body,
        lambda _: False,
        others=_ERRORS,
        refused_pause_s=_FAILING_PAUSE_S,
    )
