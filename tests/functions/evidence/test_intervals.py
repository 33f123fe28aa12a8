"""Intervals that may be looked at at any time."""

from math import inf

import numpy as np
import pytest

from lading.functions.contract.steps import step_of
from lading.functions.evidence.intervals import (
    Interval,
    difference_of,
    quantile_of,
    ratio_of,
    share_of,
)


def test_the_true_share_is_inside_at_every_look() -> None:
    chance = np.random.default_rng(1)
    looks, missed = [*range(5, 3000, 100)], 0
    for _ in range(200):
        events = np.cumsum(chance.random(looks[-1]) < 0.05)
        found = [share_of(int(events[look - 1]), look, 0.3) for look in looks]
        missed += not all(it.low <= 0.05 <= it.high for it in found)
    assert 0 < missed <= 0.3 * 200


def test_an_interval_shrinks_with_its_requests() -> None:
    few, many = share_of(1, 100, 0.05), share_of(100, 10_000, 0.05)
    assert few.low < many.low < 0.01 < many.high < few.high
    assert many.high - many.low == pytest.approx(0.0079, abs=0.0002)


def test_without_events_or_without_requests_an_end_is_open() -> None:
    assert share_of(0, 0, 0.05) == Interval(0.0, 0.0, 1.0)
    assert share_of(0, 100, 0.05).low == 0.0
    assert share_of(100, 100, 0.05).high == 1.0


def test_ratio_and_difference_take_the_far_ends() -> None:
    new, old = Interval(0.02, 0.04, 0.06), Interval(0.01, 0.02, 0.03)
    assert ratio_of(new, old) == pytest.approx((0.02 / 0.03, 2.0, 6.0))
    assert difference_of(new, old) == pytest.approx((-0.01, 0.02, 0.05))
    assert ratio_of(new, Interval(0.0, 0.0, 0.01)) == (2.0, inf, inf)


def test_a_quantile_lies_between_its_limits() -> None:
    values = np.random.default_rng(2).lognormal(3, 0.5, 5000)
    steps, counts = np.unique([step_of(it) for it in values], return_counts=True)
    histogram = dict(zip(steps.tolist(), counts.tolist(), strict=True))
    found = quantile_of(histogram, 0.9, 0.05)
    assert found is not None
    assert found.estimate == pytest.approx(np.quantile(values, 0.9), rel=0.03)
    assert found.low < np.exp(3 + 0.5 * 1.2816) < found.high < found.low * 1.2
    assert quantile_of({}, 0.5, 0.05) is None


def test_a_quantile_of_few_values_has_no_upper_limit() -> None:
    found = quantile_of({step_of(5.0): 3}, 0.99, 0.05)
    assert found is not None
    assert found.high == inf
