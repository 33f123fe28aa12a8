"""Route 53 in little: it checks the health of each region, and names the one that callers ask.

It has a health check's words and rules: a region is out after so many failed requests in a row, and
back after as many good ones; if all are out, the first one is named. It is no DNS: callers ask it
directly, and keep its answer for the time to live, as resolvers keep that of a record.
"""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self


class ServedRegion(NamedTuple):
    """A region, and the URL of its API."""

    name: str
    url: str


class HealthRule(NamedTuple):
    """When a region is out: seconds between two checks, and how many must fail in a row."""

    every_s: float
    failures: int


class FailoverResolver:
    """Checks the regions in a thread of its own while it is used as a context.

    Args:
        regions: the regions, the first one first.
        probe: returns whether the API at a URL is healthy.
        rule: when a region is out.
    """

    def __init__(
        self, regions: Sequence[ServedRegion], probe: Callable[[str], bool], rule: HealthRule
    ) -> None:
        self._regions, self._probe, self._rule = tuple(regions), probe, rule
        self._healthy = {region.name: True for region in regions}
        self._against = dict.fromkeys(self._healthy, 0)
        self._ended, self._changed = threading.Event(), threading.Condition()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def lookup(self) -> ServedRegion:
        """Return the region that callers are to ask now."""
        healthy = (region for region in self._regions if self._healthy[region.name])
        return next(healthy, self._regions[0])

    def wait_for(self, name: str, seconds: float) -> bool:
        """Wait until a region is the one that callers are to ask; return whether it is in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.lookup().name == name, seconds)

    def check(self, region: ServedRegion) -> None:
        """Check a region once, and count the result."""
        healthy = self._probe(region.url)
        with self._changed:
            same = healthy is self._healthy[region.name]
            self._against[region.name] = 0 if same else self._against[region.name] + 1
            if self._against[region.name] >= self._rule.failures:
                self._healthy[region.name], self._against[region.name] = healthy, 0
                self._changed.notify_all()

    def _watch(self) -> None:
        while not self._ended.wait(self._rule.every_s):
            for region in self._regions:
                self.check(region)
