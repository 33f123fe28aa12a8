"""The verdict on a window: which features drift, by how much, and how sure that is.

A feature drifts if its distribution is both far from the baseline's and surely so:

- its PSI is at least 0.1, the usual bound of a moderate shift, and
- the chi-squared test finds less than `ALPHA` over the number of features (Bonferroni), so that in
  a thousand windows without drift at most one has a feature that drifts by chance.

Neither alone is enough: over many rows any difference is sure, over few any is large. The bins of
missing values, and of values that the baseline does not have, count like all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lading.functions.contract.names import DRIFT
from lading.functions.drift.measures import Counts, chi_squared, kolmogorov_smirnov, psi
from lading.functions.drift.windows import Counted, Window

LARGE: Final = 0.1
ALPHA: Final = 0.001
FEWEST_ROWS: Final = 100
"""A window with fewer rows is not judged."""

_OUTSIDE: Final = 2
"""The last slots of `values`: others, and missing ones."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One feature of a window.

    Args:
        name: its name.
        side: `inputs` or `outputs`.
        kind: `numbers` or `values`.
        rows: how many were counted.
        psi: the population stability index.
        chi_squared: the statistic of the chi-squared test.
        p: its probability, if nothing has changed.
        ks: Kolmogorov and Smirnov's distance of the numbers; None for values.
        missing: share of missing values; `missing_before` is that of the baseline.
        missing_before: see `missing`.
        outside: share of numbers out of the baseline's range, or of values that it does not have.
        drifts: whether it drifts.
    """

    name: str
    side: str
    kind: str
    rows: int
    psi: float
    chi_squared: float
    p: float
    ks: float | None
    missing: float
    missing_before: float
    outside: float
    drifts: bool


def judge(window: Window, large: float = LARGE) -> list[Judged]:
    """Return the verdict on each feature, the largest PSI first; none on too few rows.

    Args:
        window: the counts.
        large: the PSI from which a shift matters.
    """
    features = [each for each in window.features if each.rows >= FEWEST_ROWS and any(each.expected)]
    found = [_judge(each, large, ALPHA / len(features)) for each in features]
    return sorted(found, key=lambda each: -each.psi)


def _judge(feature: Counted, large: float, alpha: float) -> Judged:
    expected, counts = feature.expected, feature.counts
    distance, tested = psi(expected, counts), chi_squared(expected, counts)
    numbers = feature.kind == "numbers"
    return Judged(
        name=feature.name,
        side=feature.side,
        kind=feature.kind,
        rows=feature.rows,
        psi=distance,
        chi_squared=tested.statistic,
        p=tested.p,
        ks=kolmogorov_smirnov(expected[:-1], counts[:-1]).statistic if numbers else None,
        missing=_share(counts[-1:], counts),
        missing_before=_share(expected[-1:], expected),
        outside=_share(_outside(counts, numbers=numbers), counts),
        drifts=distance >= large and tested.p < alpha,
    )


def _outside(counts: Counts, *, numbers: bool) -> Sequence[int]:
    """Return the slots of what the baseline does not have."""
    if not numbers:
        return counts[-_OUTSIDE:-1]
    return (counts[0], counts[-_OUTSIDE]) if len(counts) > _OUTSIDE else ()


def _share(part: Sequence[int], whole: Counts) -> float:
    return sum(part) / total if (total := sum(whole)) else 0.0


def figures_of(verdict: Sequence[Judged]) -> dict[str, float]:
    """Return the figures that are watched, by their names in CloudWatch."""
    return {
        DRIFT.features: float(sum(each.drifts for each in verdict)),
        DRIFT.largest: max((each.psi for each in verdict), default=0.0),
        DRIFT.missing: max((each.missing for each in verdict), default=0.0),
        DRIFT.outside: max((each.outside for each in verdict), default=0.0),
    }
