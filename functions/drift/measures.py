"""Distances between two distributions over the same bins, and how probable they are by chance.

- PSI, the population stability index: `sum((a - e) ln(a / e))` over the shares of the bins. Half a
  row is added to each bin, so that an empty one has a logarithm.
- chi-squared: Pearson's test of homogeneity of two samples; Fisher's exact test where too few rows
  are beside the most frequent bin.
- KS, Kolmogorov and Smirnov's distance: the largest difference of the two distribution functions,
  here at the edges of the bins. It is at most the exact one, and its p at least the exact one's.

Standard library only: the scheduled function on Lambda needs nothing else.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import erfc, exp, lgamma, log, pi, sqrt
from typing import Final, NamedTuple

Counts = Sequence[int]
"""Rows in each bin."""

_EMPTY: Final = 0.5
_TERMS: Final = 100
_LEAST_EXPECTED: Final = 5.0
"""Rows that a bin must be expected to have for the chi-squared test; rarer ones are pooled."""
_FOURFOLD: Final = 2
_ROUNDING: Final = 1e-7
"""Logarithms of probabilities that are this near are equal."""


class Tested(NamedTuple):
    """A statistic, and the probability of one as large if nothing has changed."""

    statistic: float
    p: float


def psi(expected: Counts, found: Counts) -> float:
    """Return the population stability index; bins that are empty on both sides do not count.

    >>> round(psi([50, 50], [50, 50]), 6), round(psi([50, 50], [80, 20]), 2)
    (0.0, 0.41)
    """
    bins = [(e + _EMPTY, f + _EMPTY) for e, f in zip(expected, found, strict=True) if e or f]
    before, after = (sum(side) for side in zip(*bins, strict=True)) if bins else (1.0, 1.0)
    shares = [(e / before, f / after) for e, f in bins]
    return sum((f - e) * log(f / e) for e, f in shares)


def chi_squared(expected: Counts, found: Counts) -> Tested:
    """Test whether both samples have one distribution; rare bins count together."""
    before, after = sum(expected), sum(found)
    if not before or not after:
        return Tested(0.0, 1.0)
    least = _LEAST_EXPECTED * (before + after) / min(before, after)
    bins = _pooled(expected, found, least)
    statistic = 0.0
    for e, f in bins:
        share = (e + f) / (before + after)
        statistic += (e - share * before) ** 2 / (share * before)
        statistic += (f - share * after) ** 2 / (share * after)
    if len(bins) == _FOURFOLD and sum(bins[1]) < least:
        return Tested(statistic, _fisher(*bins))
    return Tested(statistic, chi_squared_tail(statistic, len(bins) - 1))


def _pooled(expected: Counts, found: Counts, least: float) -> list[tuple[int, int]]:
    """Return the bins, those with fewer rows together, so that each has as many rows as `least`.

    Few rows have no chi-squared distribution: a few out of range would look like a miracle. Beside
    one frequent bin they stay apart all the same, for the exact test: a baseline of few rows that
    are all elsewhere than those of a long window is no chance.
    """
    bins = sorted(zip(expected, found, strict=True), key=sum, reverse=True)
    common = [each for each in bins if sum(each) >= least]
    rare = bins[len(common) :]
    together = sum(e for e, _ in rare), sum(f for _, f in rare)
    if sum(together) >= least or not common or (len(common) == 1 and any(together)):
        return [*common, together]
    (e, f) = common.pop()
    return [*common, (e + together[0], f + together[1])]


def _fisher(common: tuple[int, int], rare: tuple[int, int]) -> float:
    """Return the probability of a table of four counts, or of a less probable one, by chance.

    Source: R. A. Fisher, The Design of Experiments, 1935; two-sided, as R's `fisher.test`.
    """
    rows, before = sum(common) + sum(rare), common[0] + rare[0]
    fewest, most = max(0, before - sum(common)), min(before, sum(rare))
    every = _log_choices(rows, before)
    logs = [
        _log_choices(sum(rare), k) + _log_choices(sum(common), before - k) - every
        for k in range(fewest, most + 1)
    ]
    bound = logs[rare[0] - fewest] + _ROUNDING
    return min(1.0, sum(exp(each) for each in logs if each <= bound))


def _log_choices(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def kolmogorov_smirnov(expected: Counts, found: Counts) -> Tested:
    """Test the same of bins in ascending order."""
    before, after = sum(expected), sum(found)
    if not before or not after:
        return Tested(0.0, 1.0)
    both = zip(accumulate(expected), accumulate(found), strict=True)
    distance = max(abs(e / before - f / after) for e, f in both)
    return Tested(distance, _kolmogorov_tail(distance * sqrt(before * after / (before + after))))


def chi_squared_tail(statistic: float, freedom: int) -> float:
    """Return the probability that a chi-squared variable exceeds a value.

    Finite sums for whole degrees of freedom: Abramowitz and Stegun, 26.4.4 and 26.4.5.

    >>> round(chi_squared_tail(3.841459, 1), 4), round(chi_squared_tail(18.307, 10), 4)
    (0.05, 0.05)
    """
    if freedom < 1 or statistic <= 0:
        return 1.0
    half = statistic / 2
    if freedom % 2:
        orders = [order + 0.5 for order in range(freedom // 2)]
        tail = erfc(sqrt(half))
    else:
        orders = [float(order) for order in range(freedom // 2)]
        tail = 0.0
    return min(
        1.0, tail + sum(exp(order * log(half) - half - lgamma(order + 1)) for order in orders)
    )


def _kolmogorov_tail(value: float) -> float:
    """Return the probability that Kolmogorov's limit distribution exceeds a value.

    Of its two series, the one that converges faster: https://dlmf.nist.gov/20.13 relates them.
    """
    if value <= 0:
        return 1.0
    if value < 1:
        terms = (exp(-((2 * k - 1) ** 2) * pi**2 / (8 * value**2)) for k in range(1, _TERMS))
        return max(0.0, 1 - sqrt(2 * pi) / value * sum(terms))
    terms = ((-1) ** (k - 1) * exp(-2 * (k * value) ** 2) for k in range(1, _TERMS))
    return min(1.0, 2 * sum(terms))
