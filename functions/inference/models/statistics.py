"""Counts and durations of the requests to each version, as in Triton's statistics.

They last as long as the process. CloudWatch and Prometheus keep metrics for longer
(`contract.METRICS`).
"""

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


@dataclass(slots=True)
class Tally:
    """One version's counts and nanoseconds, by span; one request is one inference."""

    last_ms: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    nanoseconds: dict[str, int] = field(default_factory=dict)

    def add(self, span: str, milliseconds: float) -> None:
        """Count one request's span."""
        self.counts[span] = self.counts.get(span, 0) + 1
        took = int(milliseconds * _MILLION)
        self.nanoseconds[span] = self.nanoseconds.get(span, 0) + took


class Statistics:
    """The tallies of one process."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, int], Tally] = {}
        self._turn = Lock()

    def of(self, name: str, version: int) -> Tally:
        """Return the tally of a version; empty when the version has had no request."""
        return self._tallies.get((name, version), Tally())

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended, if it reached a version of a model."""
        times = seen.milliseconds()
        if seen.version is None or ("compute" not in times and status < _ERROR):
            return  # the request was not an inference
        with self._turn:
            tally = self._tallies.setdefault((seen.model, seen.version), Tally())
            tally.add("success" if status < _ERROR else "fail", times.get("total", 0.0))
            if status < _ERROR:
                tally.last_ms = int(time() * 1000)
                tally.add("queue", 0.0)
                for span, name in SPANS.items():
                    tally.add(name, times[span])
