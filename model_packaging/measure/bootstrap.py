"""Confidence intervals by the bootstrap: the same rows drawn again and again, with replacement.

Original and optimized model are measured on the same draws (the paired bootstrap), so that the
interval of their difference is not blurred by rows that are hard for both. Draws are seeded: the
same answers give the same intervals.
"""

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.change import Interval, Intervals
from lading.model_packaging.measure.metrics import Weighted

CONFIDENCE = 0.95
DRAWS = 1000
SEED = 1979
"""The year of the bootstrap."""

_MOST_WORK = 50_000_000
_FEWEST_DRAWS = 200
_DECIMALS = 9


def paired_intervals(before: Weighted, after: Weighted, rows: int, sign: int) -> Intervals:
    """Percentile intervals of two models' metric, and of its drop from the first to the second.

    Args:
        before: the original's metric.
        after: the optimized model's.
        rows: how many there are.
        sign: 1 where more is better, -1 where less is.
    """
    generator = np.random.default_rng(SEED)
    draws = max(_FEWEST_DRAWS, min(DRAWS, _MOST_WORK // rows))
    measured = np.empty((draws, 2))
    for draw in range(draws):
        drawn = np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64)
        measured[draw] = before(drawn), after(drawn)
    was, now = measured.T
    return Intervals(_interval(was), _interval(now), _interval(sign * (was - now)))


def _interval(values: Array) -> Interval:
    """The middle of the draws; those in which the metric is not defined are left out."""
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return Interval(round(float(low), _DECIMALS), round(float(high), _DECIMALS))
