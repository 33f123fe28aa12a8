"""The figures of two versions, side by side, each with its interval."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from lading.functions.evidence.counts import NOTHING, VersionCounts
from lading.functions.evidence.intervals import Interval, quantile_of, ratio_of, share_of
from lading.functions.evidence.log_lines import Counted
from lading.functions.evidence.trial import Finding, Rules, Trial, Verdict

ALPHA: Final = 0.05
"""The chance that an interval of the ratio is ever wrong; half of it is each version's."""
_QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
_MOST_CLASSES: Final = 8


class Row(NamedTuple):
    """One figure of both versions.

    Args:
        measure: what it is.
        unit: `%` of a share, or `ms`.
        old: the figure of the first version.
        new: that of the second.
    """

    measure: str
    unit: str
    old: Interval
    new: Interval

    @property
    def ratio(self) -> Interval:
        """The second version's figure over that of the first."""
        return ratio_of(self.new, self.old)

    def show(self, side: Interval) -> str:
        """Return a figure with its interval, as people read it."""
        factor = 100 if self.unit == "%" else 1
        low, middle, high = (f"{it * factor:.3g}" for it in side)
        return f"{middle} {self.unit} ({low} to {high})"

    @property
    def shown_ratio(self) -> str:
        """The ratio with its interval."""
        low, middle, high = (f"{it:.3g}" for it in self.ratio)
        return f"{middle} ({low} to {high})"


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions that answered requests.

    Args:
        first: the version that is compared with.
        second: the version that is compared.
        old: counts of the first.
        new: counts of the second.
        findings: the evidence that the second is worse.
        word: what that means.
    """

    first: str
    second: str
    old: VersionCounts
    new: VersionCounts
    findings: tuple[Finding, ...]
    word: str


def compared(counted: Counted, first: str, second: str) -> Compared:
    """Return the comparison of two versions by the minutes in which they answered."""
    trial = Trial(Rules())
    for minute in sorted(counted):
        versions = counted[minute]
        trial.add(versions.get(first, NOTHING), versions.get(second, NOTHING))
    verdict = trial.verdict(ended=True)
    findings = tuple(trial.findings())
    word = str(verdict)
    if verdict == Verdict.WORSE:
        word += f", by its {', '.join(it.measure for it in findings if it.worse)}"
    return Compared(first, second, trial.old, trial.new, findings, word)


def rows_of(found: Compared) -> Iterator[Row]:
    """Yield each figure of both versions."""
    old, new = found.old, found.new
    yield Row("errors", "%", *(share_of(it.errors, it.requests, ALPHA / 2) for it in (old, new)))
    for name, share in _QUANTILES.items():
        sides = [quantile_of(it.latency, share, ALPHA / 2) for it in (old, new)]
        if sides[0] is not None and sides[1] is not None:
            yield Row(name, "ms", sides[0], sides[1])
    yield from _classes(old, new)


def _classes(old: VersionCounts, new: VersionCounts) -> Iterator[Row]:
    """Yield the shares of the classes that the first version predicts most often."""
    rows = sum(old.classes.values()), sum(new.classes.values())
    frequent = sorted(old.classes, key=lambda it: (-old.classes[it], it))[:_MOST_CLASSES]
    for name in frequent:
        events = old.classes[name], new.classes.get(name, 0)
        sides = (share_of(it, all_, ALPHA / 2) for it, all_ in zip(events, rows, strict=True))
        yield Row(f"class {name}", "%", *sides)
