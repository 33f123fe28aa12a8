"""What is compared of two versions: errors, latency, answers; each is one sequential test.

A test consists of several share tests, whose mean is an e-process too. Where the events of a share
test depend on a limit (slower than what?), the limit of a minute is chosen from the minutes before
it alone, so that choosing it cannot raise false alarms.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from lading.functions.contract.steps import Histogram, above, quantile, steps_within
from lading.functions.evidence.counts import VersionCounts
from lading.functions.evidence.share_test import Minute, ShareTest, log_mean

LATENCY_QUANTILES: Final = (0.5, 0.9, 0.99)
"""A slow request is one above the median, the p90 or the p99 of all requests before its minute."""
SCORE_QUANTILES: Final = (0.1, 0.5, 0.9)
MOST_CLASSES: Final = 8
"""Classes that are compared one by one; all others are one class more."""
_OTHERS: Final = MOST_CLASSES


class Measure(Protocol):
    """One aspect of a version that may be worse than that of another."""

    def add(self, past: VersionCounts, old: VersionCounts, new: VersionCounts) -> None:
        """Count one more minute; `past` is everything before it, of both versions."""

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the e-value that the new version is worse."""


class MoreErrors:
    """Whether more requests fail.

    Args:
        tolerated: ratio of the error rates that is no harm; at least 1.
    """

    def __init__(self, tolerated: float) -> None:
        self._test = ShareTest(tolerated)

    def add(self, past: VersionCounts, old: VersionCounts, new: VersionCounts) -> None:
        """Count one more minute."""
        del past
        failed = old.errors + new.errors
        self._test.add(Minute(new.errors, failed, new.requests, old.requests + new.requests))

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the e-value that more requests fail."""
        return self._test.log_evidence


class LongerLatency:
    """Whether requests take longer: whether more of them exceed what the old version's did.

    Args:
        tolerated: ratio of latencies that is no harm; at least 1, and rounded up to the grid.
    """

    def __init__(self, tolerated: float) -> None:
        self._shift = steps_within(tolerated)
        self._tests = [ShareTest() for _ in LATENCY_QUANTILES]

    def add(self, past: VersionCounts, old: VersionCounts, new: VersionCounts) -> None:
        """Count one more minute."""
        requests = sum(old.latency.values()), sum(new.latency.values())
        for share, test in zip(LATENCY_QUANTILES, self._tests, strict=True):
            limit = quantile(past.latency, share)
            if limit is not None:
                slow = above(old.latency, limit), above(new.latency, limit + self._shift)
                test.add(Minute(slow[1], sum(slow), requests[1], sum(requests)))

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the e-value that requests take longer."""
        return log_mean([test.log_evidence for test in self._tests])


class OtherAnswers:
    """Whether answers are distributed differently: predicted classes, and scores.

    Args:
        tolerated: ratio of the shares of an answer that is no harm; at least 1.
    """

    def __init__(self, tolerated: float) -> None:
        self._classes = [_BothWays(tolerated) for _ in range(MOST_CLASSES + 1)]
        self._scores = [_BothWays(tolerated) for _ in range(2 * len(SCORE_QUANTILES))]
        self._places: dict[str, int] = {}

    def add(self, past: VersionCounts, old: VersionCounts, new: VersionCounts) -> None:
        """Count one more minute."""
        self._place(past)
        for test, *events in zip(
            self._classes, self._of_classes(old), self._of_classes(new), strict=True
        ):
            test.add(events, (sum(old.classes.values()), sum(new.classes.values())))
        tails = zip(_tails(past.scores, old.scores), _tails(past.scores, new.scores), strict=True)
        for test, tail in zip(self._scores, tails, strict=False):  # no tails without a past
            test.add(tail, (sum(old.scores.values()), sum(new.scores.values())))

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the e-value that answers are distributed differently."""
        parts = (self._classes, self._scores)
        return log_mean([log_mean([it.log_evidence for it in part]) for part in parts])

    def _place(self, past: VersionCounts) -> None:
        """Give the most frequent classes so far a place each, which they keep."""
        for name in sorted(past.classes, key=lambda it: (-past.classes[it], it)):
            if len(self._places) == MOST_CLASSES:
                return
            self._places.setdefault(name, len(self._places))

    def _of_classes(self, counts: VersionCounts) -> list[int]:
        rows = [0] * (MOST_CLASSES + 1)
        for name, count in counts.classes.items():
            rows[self._places.get(name, _OTHERS)] += count
        return rows


class _BothWays:
    """Whether events became more or less frequent."""

    def __init__(self, tolerated: float) -> None:
        self._rises, self._falls = ShareTest(tolerated), ShareTest(tolerated)

    def add(self, events: Sequence[int], rows: Sequence[int]) -> None:
        minute = Minute(events[1], sum(events), rows[1], sum(rows))
        self._rises.add(minute)
        self._falls.add(minute.swapped())

    @property
    def log_evidence(self) -> float:
        return log_mean([self._rises.log_evidence, self._falls.log_evidence])


def _tails(past: Histogram, scores: Histogram) -> Iterator[int]:
    """Yield how many scores are up to each quantile of the past, and how many above it."""
    rows = sum(scores.values())
    for share in SCORE_QUANTILES:
        limit = quantile(past, share)
        if limit is not None:
            higher = above(scores, limit)
            yield from (rows - higher, higher)
