"""Deadlines come from the caller's own words, in the caller's units."""

from time import monotonic

import pytest

from lading.functions.contract.errors import MalformedRequest
from lading.functions.inference.lanes.deadline import (
    NEVER,
    Deadline,
    after_microseconds,
    deadline_of,
    within,
)

DAY = 24 * 60 * 60


def test_a_request_without_a_timeout_has_no_deadline() -> None:
    assert deadline_of({"accept": "*/*"}) == NEVER
    assert not NEVER.stated()
    assert not NEVER.passed()


@pytest.mark.parametrize(("text", "seconds"), [("2", 2.0), ("0.25", 0.25), (" 1e1 ", 10.0)])
def test_the_header_states_seconds(text: str, seconds: float) -> None:
    before = monotonic()
    deadline = deadline_of({"x-request-timeout": text})
    assert before + seconds <= deadline.at <= monotonic() + seconds
    assert deadline.stated()


@pytest.mark.parametrize("text", ["", "soon", "0", "-1", "nan", "inf", "1e400", "5s", "9" * 5000])
def test_what_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest, match="X-Request-Timeout must be a number of seconds"):
        deadline_of({"x-request-timeout": text})


def test_a_time_longer_than_a_day_is_cut() -> None:
    assert within(1e300).left() <= DAY


def test_tritons_timeout_is_in_microseconds_from_the_arrival() -> None:
    assert after_microseconds(100.0, 2_500_000) == Deadline(102.5)
    assert after_microseconds(100.0, 0) == NEVER
    assert after_microseconds(100.0, 1 << 64) == Deadline(100.0 + DAY)


def test_the_earlier_of_two_deadlines_counts() -> None:
    assert Deadline(1.0).earlier(NEVER) == NEVER.earlier(Deadline(1.0)) == Deadline(1.0)


def test_a_deadline_in_the_past_has_passed() -> None:
    assert Deadline(monotonic() - 1).passed()
    assert not within(60).passed()
