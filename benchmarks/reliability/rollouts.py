"""Roll-outs: a new server takes the place of an old one, which drains, under 64 connections."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reliability.outcome import Figure, Outcome, Plan
from benchmarks.reliability.serving import Served, models, ready, start
from benchmarks.reliability.traffic import calling, quick

CONNECTIONS = 64
LINGER_S = 1
_SAY_EVERY = 50


def rollouts(plan: Plan) -> Iterator[Outcome]:
    """Yield the row of the roll-outs, also with several workers in each server."""
    with models() as root:
        few = max(1, plan.rollouts // 20)
        yield asyncio.run(roll(plan, root, plan.rollouts, workers=1))
        yield asyncio.run(roll(plan, root, few, workers=2))


async def roll(plan: Plan, root: Path, count: int, workers: int) -> Outcome:
    """Replace a server so many times under load, and return what was lost."""
    settings = {"LADING_LINGER": str(LINGER_S), "LADING_WORKERS": str(workers)}
    log, until = root / "rollouts.log", time.monotonic() + 60 * plan.minutes
    current = await asyncio.to_thread(ready, start(root, log, **settings))
    ending: list[asyncio.Task[int]] = []
    done = 0
    async with calling(quick(lambda: current.port), CONNECTIONS) as traffic:
        try:
            while done < count and time.monotonic() < until:
                old, current = current, await asyncio.to_thread(ready, start(root, log, **settings))
                old.stop()
                ending.append(asyncio.create_task(asyncio.to_thread(old.ended)))
                done += 1
                if done % _SAY_EVERY == 0:
                    plan.say(f"rollouts: {done} of {count}, {traffic.lost} lost")
            statuses = await asyncio.gather(*ending)
        finally:
            traffic.running = False
            await _gone(current)
    unclean = sum(status != 0 for status in statuses)
    figures = [
        Figure(f"linger {LINGER_S} s, {CONNECTIONS} connections"),
        Figure(f"{unclean} servers ended with an error", met=not unclean),
        *([Figure(f"{done} of {count} in {plan.minutes:g} min", met=False)] * (done < count)),
    ]
    tried = f"roll-outs of servers with {workers} worker{'s' * (workers > 1)}"
    seen = traffic
    return Outcome(tried, done, seen.requests, seen.lost, seen.wrong, figures, seen.reasons)


async def _gone(served: Served) -> None:
    await asyncio.sleep(0.2)  # callers end first
    served.stop()
    await asyncio.to_thread(served.ended)
