"""A limit that is reached costs one line a minute, which says how often it was reached."""

import logging

import pytest

from lading.functions.inference.callers.notices import EVERY_S, Notices


def test_a_limit_is_logged_at_once_and_then_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    notices = Notices(lambda: now)
    caplog.set_level(logging.WARNING)
    for _ in range(600):
        notices.note("LADING_A", "a happened")
    notices.note("LADING_B", "b happened")
    assert caplog.messages == [
        "limit reached: a happened (LADING_A)",
        "limit reached: b happened (LADING_B)",
    ]
    now = EVERY_S
    notices.note("LADING_A", "a happened")
    assert caplog.messages[2:] == [
        "limit reached: a happened (LADING_A); 599 times since the last line"
    ]
