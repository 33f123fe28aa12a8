"""Confidence intervals by the bootstrap: samples of the rows, drawn with replacement.

The original and the optimized model are measured on the same samples (the paired bootstrap), so
that rows which are hard for both do not widen the interval of their difference. Samples are seeded:
the same answers give the same intervals.
"""

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.change import ConfidenceInterval, Intervals
from lading.model_packaging.measure.metrics import Weighted

CONFIDENCE = 0.95
DRAWS = 1000
SEED = 1979
"""The year of the bootstrap."""

_MOST_WORK = 50_000_000
_FEWEST_DRAWS = 200
_DECIMALS = 9


def paired_intervals(before: Weighted, after: Weighted, rows: int, sign: int) -> Intervals:
    """Return percentile intervals of two models' metric, and of its drop between them.

    Args:
        before: the original's metric.
        after: the optimized model's metric.
        rows: the number of rows.
        sign: 1 if a higher metric is better, -1 if a lower one is.
    """
    generator = np.random.default_rng(SEED)
    draws = max(_FEWEST_DRAWS, min(DRAWS, _MOST_WORK // rows))
    measured = np.empty((draws, 2))
    for draw in range(draws):
        drawn = np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64)
        measured[draw] = before(drawn), after(drawn)
    was, now = measured.T
    return Intervals(_interval(was), _interval(now), _interval(sign * (was - now)))


def _interval(values: Array) -> ConfidenceInterval:
    """Return the central part of the samples, without those where the metric is undefined."""
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return ConfidenceInterval(round(float(low), _DECIMALS), round(float(high), _DECIMALS))
