"""Counts and durations of the requests to each version, as in Triton's statistics.

They last as long as the process. CloudWatch and Prometheus keep metrics for longer
(`contract.METRICS`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from time import time
from types import MappingProxyType
from typing import Final

from lading.functions.inference.wire.messages import Observation

SPANS: Final = MappingProxyType(
    {"decode": "compute_input", "compute": "compute_infer", "encode": "compute_output"}
)
"""Spans of an exchange -> Triton's names for them."""

_MILLION = 1_000_000
_ERROR = 400


TallyDocument = tuple[int, dict[str, int], dict[str, int]]
"""The content of a `VersionStatistics`, which another process may have sent."""


@dataclass(slots=True)
class VersionStatistics:
    """One version's counts and nanoseconds, by span; one request is one inference."""

    last_ms: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    nanoseconds: dict[str, int] = field(default_factory=dict)

    def add(self, span: str, milliseconds: float) -> None:
        """Count one request's span."""
        self.counts[span] = self.counts.get(span, 0) + 1
        took = int(milliseconds * _MILLION)
        self.nanoseconds[span] = self.nanoseconds.get(span, 0) + took


def _no_others(_name: str, _version: int) -> Iterable[TallyDocument]:
    return ()


class Statistics:
    """The tallies of one process; `others` returns a version's tallies of processes beside it."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, int], VersionStatistics] = {}
        self._turn = Lock()
        self.others: Callable[[str, int], Iterable[TallyDocument]] = _no_others

    def of(self, name: str, version: int) -> VersionStatistics:
        """Return the tally of a version; empty when the version has had no request."""
        total = VersionStatistics()
        for last_ms, counts, nanoseconds in (self.own(name, version), *self.others(name, version)):
            total.last_ms = max(total.last_ms, last_ms)
            for span, count in counts.items():
                total.counts[span] = total.counts.get(span, 0) + count
                total.nanoseconds[span] = total.nanoseconds.get(span, 0) + nanoseconds[span]
        return total

    def own(self, name: str, version: int) -> TallyDocument:
        """Return the tally of a version in this process."""
        with self._turn:
            found = self._tallies.get((name, version), VersionStatistics())
            return found.last_ms, {**found.counts}, {**found.nanoseconds}

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended, if it reached a version of a model."""
        times = seen.milliseconds()
        if seen.version is None or ("compute" not in times and status < _ERROR):
            return  # the request was not an inference
        with self._turn:
            tally = self._tallies.setdefault((seen.model, seen.version), VersionStatistics())
            tally.add("success" if status < _ERROR else "fail", times.get("total", 0.0))
            if status < _ERROR:
                tally.last_ms = int(time() * 1000)
                tally.add("queue", times.get("queue", 0.0))
                for span, name in SPANS.items():
                    tally.add(name, times[span])
