"""A grid of steps in equal ratios, on which latencies and scores are counted.

A step is 2**(1/16), or 4.4 %: a histogram of some hundred small numbers keeps every quantile to
that precision, whatever the unit is, and histograms are added by adding their counts.
"""

from collections.abc import Mapping
from math import ceil, floor, isfinite, log2
from typing import Final

PER_OCTAVE: Final = 16
_ONE: Final = 64 * PER_OCTAVE
"""The step of 1.0; numbers closer to 0 than 2**-64 are on step 0."""
_LARGEST: Final = 2 * _ONE
_ROUNDING: Final = 1e-9

Histogram = Mapping[int, int]
"""Step -> how many values are on it."""


def step_of(value: float) -> int:
    """Return the step of a finite number; the steps of larger numbers are not smaller.

    >>> step_of(100.0) < step_of(105.0), step_of(0.0), step_of(-1.0) == -step_of(1.0)
    (True, 0, True)

    Raises:
        ValueError: the value is not finite.
    """
    if not isfinite(value):
        raise ValueError(f"a value on the grid must be finite, got {value}")
    size = min(max(floor(log2(abs(value)) * PER_OCTAVE) + _ONE, 0), _LARGEST) if value else 0
    return size if value > 0 else -size


def value_of(step: int) -> float:
    """Return the middle of a step."""
    if step == 0:
        return 0.0
    size = float(2 ** ((abs(step) - _ONE + 0.5) / PER_OCTAVE))
    return size if step > 0 else -size


def lowest_of(step: int) -> float:
    """Return where a step of positive numbers begins.

    >>> step_of(lowest_of(1000) * 1.001)
    1000
    """
    return float(2 ** ((step - _ONE) / PER_OCTAVE))


def steps_within(ratio: float) -> int:
    """Return how many steps a ratio is, rounded up: no number times the ratio is further away.

    >>> steps_within(2.0), steps_within(1.1)
    (16, 3)
    """
    return ceil(log2(ratio) * PER_OCTAVE - _ROUNDING)


def quantile(histogram: Histogram, share: float) -> int | None:
    """Return the least step with at least this share of the values up to it; None: no values."""
    wanted, passed = share * sum(histogram.values()), 0
    for step in sorted(histogram):
        passed += histogram[step]
        if passed >= wanted:
            return step
    return None


def above(histogram: Histogram, step: int) -> int:
    """Return how many values are on a step above this one."""
    return sum(count for at, count in histogram.items() if at > step)
