"""The trial of a new version beside the old one: what was found, and the word for it."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import exp
from typing import Final, NamedTuple

from lading.functions.evidence.counts import NOTHING, VersionCounts, total
from lading.functions.evidence.measures import LongerLatency, Measure, MoreErrors, OtherAnswers

_LARGEST_LOG: Final = 700.0
"""exp of more is no finite number."""


class Verdict(StrEnum):
    """How a trial ended, or that it has not ended."""

    JUDGING = "judging"
    BETTER_OR_EQUAL = "better or equal"
    WORSE = "worse"
    TOO_LITTLE_TRAFFIC = "too little traffic"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a trial tolerates.

    Args:
        errors: ratio of error rates that is no harm.
        latency: ratio of latencies that is no harm; by default two steps of the grid.
        answers: ratio of the shares of an answer that is no harm.
        alpha: chance that a version that is not worse is called worse, of all measures together.
        least_requests: requests of the new version below which there is too little traffic.
    """

    errors: float = 1.0
    latency: float = 1.09
    answers: float = 1.25
    alpha: float = 0.05
    least_requests: int = 100


SHARES: Final = {"errors": 0.4, "latency": 0.3, "answers": 0.3}
"""Measure -> its share of alpha: by the union bound, all together raise at most alpha alarms."""


class Finding(NamedTuple):
    """What one measure says.

    Args:
        measure: `errors`, `latency` or `answers`.
        evidence: the largest e-value so far that the new version is worse.
        limit: the e-value from which it is called worse.
    """

    measure: str
    evidence: float
    limit: float

    @property
    def worse(self) -> bool:
        """Whether the evidence has reached its limit."""
        return self.evidence >= self.limit


@dataclass(slots=True)
class Trial:
    """Compares a new version with an old one, minute by minute.

    Args:
        rules: what is tolerated.
        before: counts of the old version before the new one got requests.
    """

    rules: Rules = field(default_factory=Rules)
    before: VersionCounts = NOTHING
    old: VersionCounts = field(default=NOTHING, init=False)
    new: VersionCounts = field(default=NOTHING, init=False)
    _past: VersionCounts = field(init=False)
    _measures: dict[str, Measure] = field(init=False)
    _most: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        rules, self._past = self.rules, self.before
        self._measures = {
            "errors": MoreErrors(rules.errors),
            "latency": LongerLatency(rules.latency),
            "answers": OtherAnswers(rules.answers),
        }
        self._most = dict.fromkeys(self._measures, 0.0)

    def add(self, old: VersionCounts, new: VersionCounts) -> None:
        """Count one more minute of both versions."""
        for name, measure in self._measures.items():
            measure.add(self._past, old, new)
            self._most[name] = max(self._most[name], measure.log_evidence)
        self.old, self.new = self.old + old, self.new + new
        self._past = total((self._past, old, new))

    def findings(self) -> list[Finding]:
        """Return what each measure says so far."""
        return [
            Finding(name, exp(min(most, _LARGEST_LOG)), 1 / (SHARES[name] * self.rules.alpha))
            for name, most in self._most.items()
        ]

    def verdict(self, *, ended: bool = False) -> Verdict:
        """Return the word for what was found so far, or at the end of the shift."""
        if any(finding.worse for finding in self.findings()):
            return Verdict.WORSE
        if not ended:
            return Verdict.JUDGING
        enough = self.new.requests >= self.rules.least_requests and self.old.requests > 0
        return Verdict.BETTER_OR_EQUAL if enough else Verdict.TOO_LITTLE_TRAFFIC
