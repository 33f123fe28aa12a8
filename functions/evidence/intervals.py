"""Intervals that stay right however often one looks at them (confidence sequences).

Source: Robbins, "Statistical methods related to the law of the iterated logarithm", 1970; for
quantiles: Howard and Ramdas, "Sequential estimation of quantiles", Bernoulli 28 (2022). For the
true share `p` of events, the likelihood of the counts, mixed over a beta distribution and divided
by that of `p`, is a martingale that starts at 1. So with the chance `1 - alpha` the true share is
for all times among those whose ratio is below `1 / alpha`.
"""

from collections.abc import Callable
from math import inf, lgamma, log, log1p
from typing import Final, NamedTuple

from lading.functions.contract.steps import Histogram, quantile, value_of

_PRIOR: Final = 0.5
"""Both parameters of the beta distribution: Jeffreys' prior, good for rare events."""
_HALVINGS: Final = 60


class Interval(NamedTuple):
    """An estimate between its limits."""

    low: float
    estimate: float
    high: float


def share_of(events: int, requests: int, alpha: float) -> Interval:
    """Return the share of requests with an event; without requests it is anywhere in 0 to 1."""
    if requests == 0:
        return Interval(0.0, 0.0, 1.0)
    rest, estimate = requests - events, events / requests
    mixed = _log_beta(events + _PRIOR, rest + _PRIOR) - _log_beta(_PRIOR, _PRIOR)

    def excluded(share: float) -> bool:
        likelihood = (events * log(share) if events else 0.0) + (
            rest * log1p(-share) if rest else 0.0
        )
        return mixed - likelihood >= -log(alpha)

    low = _limit(excluded, 0.0, estimate) if events else 0.0
    high = _limit(excluded, 1.0, estimate) if rest else 1.0
    return Interval(low, estimate, high)


def ratio_of(new: Interval, old: Interval) -> Interval:
    """Return the ratio of two shares or values; the chances to be wrong of both add up."""
    return Interval(
        _divide(new.low, old.high), _divide(new.estimate, old.estimate), _divide(new.high, old.low)
    )


def difference_of(new: Interval, old: Interval) -> Interval:
    """Return the difference of two shares or values; the chances to be wrong of both add up."""
    return Interval(new.low - old.high, new.estimate - old.estimate, new.high - old.low)


def quantile_of(histogram: Histogram, share: float, alpha: float) -> Interval | None:
    """Return a quantile of what a histogram counts, to the precision of its grid; None: nothing.

    For the true quantile, "is at most the quantile" is an event whose share is known.
    """
    middle = quantile(histogram, share)
    if middle is None:
        return None
    total, passed, low, high = sum(histogram.values()), 0, -inf, inf
    for step in sorted(histogram):
        passed += histogram[step]
        found = share_of(passed, total, alpha)
        if low == -inf and found.high >= share:
            low = value_of(step)
        if found.low >= share:
            high = value_of(step)
            break
    return Interval(low, value_of(middle), high)


def _limit(excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    """Return the place between two shares where the excluded ones begin."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excluded(middle) else (outside, middle)
    return outside


def _divide(above: float, below: float) -> float:
    if below == 0:
        return inf if above > 0 else 1.0
    return above / below


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
