"""A region's API is stopped under load: what is lost, and for how long.

Callers send requests one after another to the region that they were told, and ask again which one
it is when the time to live of that answer is over. A request that fails is lost: it is not sent
again, so every loss counts.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lading.emulator.regions.resolver import FailoverResolver, ServedRegion

Outcome = Literal["right", "wrong", "lost"]


class TimedRequest(NamedTuple):
    """A request: when it was sent and when it had its outcome, in seconds, and where it went."""

    at: float
    ended: float
    region: str
    outcome: Outcome


class Load(NamedTuple):
    """The callers.

    Args:
        callers: how many send at the same time.
        pause_s: seconds between two requests of one caller.
        ttl_s: seconds for which a caller keeps what it was told.
        enough: right answers that are waited for, before the stop and after the switch.
        longest_s: seconds after which the drill is given up.
    """

    callers: int
    pause_s: float
    ttl_s: float
    enough: int
    longest_s: float


@dataclass(frozen=True, slots=True)
class Outage:
    """What was measured; seconds are counted from the stop.

    Args:
        requests: all requests.
        lost: requests without a right or a wrong answer.
        wrong: requests whose answer was wrong.
        noticed_s: until the first region was out; None: it never was.
        last_loss_s: until the last request that was lost was sent; 0 without any.
        recovered: whether the other region has answered enough afterwards.
        by_region: right answers of each region.
    """

    requests: int
    lost: int
    wrong: int
    noticed_s: float | None
    last_loss_s: float
    recovered: bool
    by_region: dict[str, int]


@dataclass
class _Traffic:
    """The callers' threads, and what happened to their requests."""

    resolver: FailoverResolver
    ask: Callable[[str], Outcome]
    load: Load
    sent: list[TimedRequest] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _counted: threading.Condition = field(default_factory=threading.Condition)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for _ in range(self.load.callers):
            thread = threading.Thread(target=self._call, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_right(self, region: str) -> bool:
        """Wait until a region has given enough right answers; return whether it has in time."""

        def enough() -> bool:
            right = [it for it in self.sent if it.region == region and it.outcome == "right"]
            return len(right) >= self.load.enough

        with self._counted:
            return self._counted.wait_for(enough, self.load.longest_s)

    def _call(self) -> None:
        region, until = self.resolver.lookup(), time.monotonic() + self.load.ttl_s
        while not self._ended.wait(self.load.pause_s):
            at = time.monotonic()
            if at >= until:
                region, until = self.resolver.lookup(), at + self.load.ttl_s
            outcome = self.ask(region.url)
            with self._counted:
                self.sent.append(TimedRequest(at, time.monotonic(), region.name, outcome))
                self._counted.notify_all()


def drill_outage(
    regions: Sequence[ServedRegion],
    resolver: FailoverResolver,
    ask: Callable[[str], Outcome],
    stop: Callable[[], object],
    load: Load,
) -> Outage:
    """Stop the first region while callers ask it, and measure until the second one answers.

    Args:
        regions: the first region, and the one that takes over.
        resolver: names the region to ask; it runs.
        ask: sends a request to the API at a URL.
        stop: stops the first region's API.
        load: the callers.
    """
    first, second = regions
    traffic = _Traffic(resolver, ask, load)
    with ExitStack() as stack:
        stack.callback(traffic.stop)
        traffic.start()
        steady = traffic.wait_for_right(first.name)
        stopped = time.monotonic()
        stop()
        noticed = resolver.wait_for(second.name, load.longest_s)
        noticed_s = time.monotonic() - stopped if noticed else None
        recovered = steady and noticed and traffic.wait_for_right(second.name)
    return _measured(traffic.sent, stopped, noticed_s, recovered=recovered)


def _measured(
    sent: Sequence[TimedRequest], stopped: float, noticed_s: float | None, *, recovered: bool
) -> Outage:
    lost = [it for it in sent if it.outcome == "lost"]
    right = [it.region for it in sent if it.outcome == "right"]
    return Outage(
        requests=len(sent),
        lost=len(lost),
        wrong=sum(it.outcome == "wrong" for it in sent),
        noticed_s=noticed_s,
        last_loss_s=max((it.at - stopped for it in lost), default=0.0),
        recovered=recovered,
        by_region={name: right.count(name) for name in sorted(set(right))},
    )
