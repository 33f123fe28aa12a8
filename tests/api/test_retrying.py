from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lading.api.calls import ServerAnswer
from lading.api.retrying import NOT_NOW, Retries, retry_after_s

CERTAIN = Retries(most=3, longest_wait_s=8, first_wait_s=1, draw=lambda: 0.5)


def answered(status: int, retry_after: str = "") -> ServerAnswer:
    headers = {"retry-after": retry_after} if retry_after else {}
    return ServerAnswer(status, headers, b"", 0.0)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 413, 500, 501])
def test_an_answer_that_would_be_the_same_again_is_final(status: int) -> None:
    assert CERTAIN.wait_s(0, answered(status)) is None


@pytest.mark.parametrize("status", sorted(NOT_NOW))
def test_the_bound_of_the_random_wait_doubles(status: int) -> None:
    assert [CERTAIN.wait_s(n, answered(status)) for n in range(4)] == [0.5, 1.0, 2.0, None]


def test_the_wait_never_exceeds_the_longest() -> None:
    assert Retries(most=99, longest_wait_s=8, draw=lambda: 1.0).wait_s(40, None) == 8


def test_a_server_that_cannot_be_reached_is_tried_again() -> None:
    assert CERTAIN.wait_s(1, None) == 1.0


def test_a_stream_that_has_begun_is_not_asked_for_again() -> None:
    assert CERTAIN.wait_s(0, object()) is None


def test_a_stated_wait_is_obeyed_unless_it_is_too_long() -> None:
    assert CERTAIN.wait_s(2, answered(429, "7")) == 7.0
    assert CERTAIN.wait_s(0, answered(503, "9")) is None


def test_a_date_is_a_wait_until_then_and_one_in_the_past_is_none() -> None:
    now = datetime.now(UTC)
    later = retry_after_s(answered(503, format_datetime(now + timedelta(seconds=90), usegmt=True)))
    assert later is not None
    assert 80 < later <= 90
    assert retry_after_s(answered(503, "Wed, 21 Oct 2015 07:28:00 GMT")) == 0.0


@pytest.mark.parametrize("stated", ["", "soon", "-1", "1.5", "\u0663", "Wed, 99 Oct"])
def test_what_is_neither_a_number_nor_a_date_is_ignored(stated: str) -> None:
    assert retry_after_s(answered(503, stated)) is None
