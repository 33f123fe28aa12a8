"""The sequential test of shares: it is an e-process where versions are equal, and finds others."""

from itertools import product
from math import comb, exp

import pytest

from lading.functions.evidence.share_test import Minute, ShareTest, log_mean


def e_value(minutes: list[Minute], tolerated: float = 1.0) -> float:
    test = ShareTest(tolerated)
    for minute in minutes:
        test.add(minute)
    return exp(test.log_evidence)


def chance_of(events: int, requests: int, rate: float) -> float:
    return comb(requests, events) * rate**events * (1 - rate) ** (requests - events)


def expectation(new_rate: float, old_rate: float, tolerated: float, new: int, old: int) -> float:
    """Return the exact expectation of the e-value of one minute."""
    return sum(
        chance_of(x, new, new_rate)
        * chance_of(y, old, old_rate)
        * e_value([Minute(x, x + y, new, new + old)], tolerated)
        for x, y in product(range(new + 1), range(old + 1))
    )


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
@pytest.mark.parametrize(("new", "old"), [(3, 27), (15, 15), (20, 4)])
def test_its_expectation_is_at_most_one_for_equal_versions(rate: float, new: int, old: int) -> None:
    assert 0.5 < expectation(rate, rate, 1.0, new, old) <= 1 + 1e-12


@pytest.mark.parametrize("tolerated", [1.1, 1.5])
@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_a_tolerated_ratio_raises_nothing(tolerated: float, rate: float) -> None:
    assert expectation(rate * tolerated, rate, tolerated, 6, 20) <= 1 + 1e-12
    assert expectation(rate * tolerated, rate, 1.0, 6, 20) > 1


def test_a_better_version_never_has_evidence_against_it() -> None:
    assert expectation(0.05, 0.2, 1.0, 8, 20) < 1
    assert e_value([Minute(0, 40, 1000, 10_000)] * 5) < 0.2


def test_twice_the_errors_are_found() -> None:
    """A hundred events, of which the new version should have ten and has twenty."""
    assert e_value([Minute(20, 100, 1000, 10_000)] * 3) > 50
    assert e_value([Minute(10, 100, 1000, 10_000)] * 3) < 1


def test_a_rate_that_changes_for_both_is_no_evidence() -> None:
    quiet, incident = Minute(1, 10, 100, 1000), Minute(9, 90, 100, 1000)
    assert e_value([quiet, incident, quiet]) < 1


def test_a_split_that_changes_is_no_evidence() -> None:
    assert e_value([Minute(1, 10, 100, 1000), Minute(5, 10, 500, 1000)]) < 1


def test_a_minute_of_one_version_alone_says_nothing() -> None:
    assert e_value([Minute(5, 5, 10, 10), Minute(0, 5, 0, 10), Minute(0, 0, 5, 10)]) == 1


def test_the_other_side_of_a_minute_swaps_the_versions() -> None:
    assert Minute(2, 10, 100, 400).swapped() == Minute(8, 10, 300, 400)


def test_a_mean_of_huge_numbers_is_finite() -> None:
    assert log_mean([2000.0, 0.0]) == pytest.approx(2000 - 0.6931, abs=1e-3)
