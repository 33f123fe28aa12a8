"""A model is loaded again, or unloaded and loaded, while callers use it."""

import asyncio
from collections.abc import Iterator

from benchmarks.reliability.outcome import Figure, Outcome, Plan
from benchmarks.reliability.serving import Served, models, serving
from benchmarks.reliability.traffic import calling, quick

CONNECTIONS = 16
_GONE = frozenset({404, 503})
_OK = 200
_EXPLICIT = {"LADING_MODEL_CONTROL": "explicit"}


def reloads(plan: Plan) -> Iterator[Outcome]:
    """Yield the row of the reloads, during which every request is answered."""
    with models() as root, serving(root, **_EXPLICIT) as served:
        yield asyncio.run(_change(served, plan.reloads, ("load",), "reloads under load"))


def unloads(plan: Plan) -> Iterator[Outcome]:
    """Yield the row of the unloads, during which a request may get 404 or 503."""
    with models() as root, serving(root, **_EXPLICIT) as served:
        yield asyncio.run(_change(served, plan.unloads, ("unload", "load"), "unloads under load"))


async def _change(served: Served, count: int, steps: tuple[str, ...], tried: str) -> Outcome:
    asking = quick(lambda: served.port, pause_s=0.01)
    if len(steps) > 1:
        asking = asking._replace(others=_GONE, refused_pause_s=0.01)
    failed = 0
    before = served.memory_mib()
    async with calling(asking, CONNECTIONS) as traffic:
        for _ in range(count):
            for step in steps:
                path = f"/v2/repository/models/times/{step}"
                status, _ = await asyncio.to_thread(served.fetch, path, b"{}")
                failed += status != _OK
    grown = served.memory_mib() - before
    figures = [
        Figure(f"{failed} changes refused", met=not failed),
        Figure(f"memory {grown:+.1f} MiB"),
    ]
    seen = traffic
    return Outcome(tried, count, seen.requests, seen.lost, seen.wrong, figures, seen.reasons)
