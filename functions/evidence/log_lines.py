"""Counts of versions, read from the log lines that their requests left.

A request leaves one line (`functions/inference/observability/line.py`). An environment that crashes
or exceeds its time leaves none, but Lambda's own report says so; its version is part of the name of
the log stream, as `2026/11/30/[7]0a1b2c`.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from lading.functions.contract.names import METRICS
from lading.functions.contract.steps import step_of
from lading.functions.evidence.counts import VersionCounts

MINUTE_MS: Final = 60_000
BY_FUNCTION: Final = METRICS.of_function[-1][-1]
"""The field of a line that identifies the version of the function."""
BY_VERSION: Final = METRICS.dimensions[1]
"""The field that identifies the locked version of the model."""
BY_FLEET: Final = "fleet"
"""What a line says of an endpoint's answer: the version of its fleet, or `JUDGE.other_fleet`."""

_REPORT = re.compile(r"REPORT RequestId: .*\bStatus: (?:error|timeout)")
_STREAM_VERSION = re.compile(r"\[([0-9]+)\]")
_MOST_CLASSES = 200


class LoggedRequest(NamedTuple):
    """What one line says.

    Args:
        at_ms: when its line was written, in milliseconds since 1970.
        version: the version that answered, or failed.
        failed: whether that was the service's own failure.
        latency_ms: how long it took; None where it crashed.
        label: the predicted class; empty for none.
        score: the step of its score; None for none.
    """

    at_ms: int
    version: str
    failed: bool
    latency_ms: float | None = None
    label: str = ""
    score: int | None = None


@dataclass(slots=True)
class _Tally:
    requests: int = 0
    errors: int = 0
    latency: Counter[int] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    scores: Counter[int] = field(default_factory=Counter)

    def add(self, request: LoggedRequest) -> None:
        self.requests, self.errors = self.requests + 1, self.errors + request.failed
        if request.latency_ms is not None:
            self.latency[step_of(request.latency_ms)] += 1
        if request.label and (request.label in self.classes or len(self.classes) < _MOST_CLASSES):
            self.classes[request.label] += 1
        if request.score is not None:
            self.scores[request.score] += 1

    def counts(self) -> VersionCounts:
        return VersionCounts(
            self.requests, self.errors, dict(self.latency), dict(self.classes), dict(self.scores)
        )


Counted = Mapping[int, Mapping[str, VersionCounts]]
"""Minute since 1970 -> version -> its counts."""


def count(events: Iterable[Mapping[str, Any]], by: str = BY_FUNCTION) -> Counted:
    """Count the requests of each version and minute.

    Args:
        events: events of CloudWatch Logs: `message`, `timestamp`, and maybe `logStreamName`.
        by: the field of a line that names the version: `BY_FUNCTION`, `BY_VERSION`, `BY_FLEET`.

    Raises:
        ValueError: a request's line is not as the service writes it.
    """
    tallies: dict[int, dict[str, _Tally]] = defaultdict(lambda: defaultdict(_Tally))
    for event in events:
        request = read_event(event, by)
        if request is not None:
            tallies[request.at_ms // MINUTE_MS][request.version].add(request)
    return {
        minute: {version: tally.counts() for version, tally in versions.items()}
        for minute, versions in tallies.items()
    }


def read_event(event: Mapping[str, Any], by: str = BY_FUNCTION) -> LoggedRequest | None:
    """Return what an event says of a request; None for other events.

    Raises:
        ValueError: a request's line is not as the service writes it.
    """
    message = str(event["message"])
    if by == BY_FUNCTION and _REPORT.match(message):
        version = _STREAM_VERSION.search(str(event.get("logStreamName", "")))
        return LoggedRequest(int(event["timestamp"]), version[1], failed=True) if version else None
    if '"message":"request"' not in message:
        return None
    try:
        return _request(json.loads(message), by, int(event["timestamp"]))
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"a request's line has another form: {message[:200]}") from error


def _request(line: Mapping[str, Any], by: str, at_ms: int) -> LoggedRequest | None:
    answer, latency = line.get("answer", {}), line.get(METRICS.times["total"])
    version = answer.get(by) if by == BY_FLEET else line.get(by)
    if version in {None, "none"}:
        return None
    return LoggedRequest(
        at_ms=at_ms,
        version=str(version),
        failed=line[METRICS.server_errors][0] > 0,
        latency_ms=float(latency[0]) if latency else None,
        label=str(answer.get("class", "")),
        score=answer.get("score"),
    )
