"""The grid on which latencies and scores are counted."""

import math

import pytest

from lading.functions.contract.steps import above, quantile, step_of, steps_within, value_of


def test_larger_numbers_are_on_no_lower_step() -> None:
    numbers = [-1e30, -5.0, -0.1, -1e-30, 0.0, 1e-30, 0.3, 0.5, 1.0, 1.05, 7.0, 1e30]
    steps = [step_of(number) for number in numbers]
    assert steps == sorted(steps)
    assert len(set(steps[3:9])) == 4, "numbers close to 0 are on one step"


@pytest.mark.parametrize("number", [0.001, 0.7, 1.0, 35.2, 60_000.0, -12.5])
def test_the_middle_of_a_step_is_close_to_its_numbers(number: float) -> None:
    assert value_of(step_of(number)) == pytest.approx(number, rel=0.023)
    assert step_of(value_of(step_of(number))) == step_of(number)


def test_a_ratio_is_the_same_number_of_steps_everywhere() -> None:
    assert {step_of(low * 1.5) - step_of(low) for low in (0.001, 1.0, 333.0)} <= {9, 10}
    assert (steps_within(1.0), steps_within(1.5), steps_within(2.0)) == (0, 10, 16)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_step(number: float) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        step_of(number)


def test_a_quantile_is_the_least_step_that_passes_the_share() -> None:
    histogram = {3: 5, 1: 4, 9: 1}
    assert [quantile(histogram, share) for share in (0.1, 0.4, 0.41, 0.9, 0.91)] == [1, 1, 3, 3, 9]
    assert quantile({}, 0.5) is None
    assert above(histogram, 3) == 1
