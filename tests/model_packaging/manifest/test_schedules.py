"""Schedules of EventBridge Scheduler."""

import pytest

from lading.model_packaging.manifest.schedules import schedule


@pytest.mark.parametrize(
    "text",
    [
        *("rate(7 days)", "rate(1 hour)", "rate(5 minutes)", "cron(0 3 ? * MON *)"),
        *("cron(0/15 8-17 ? * MON-FRI 2026-2030)", "cron(0 0 L * ? *)", "cron(0 3 1,15 JAN ? *)"),
        *("cron(0 3 ? * 6#3 *)", "cron(0 3 ? * FRIL *)", "cron(15 10 15W * ? *)"),
    ],
)
def test_what_aws_accepts(text: str) -> None:
    assert schedule(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("rate(0 days)", "rate(7 weeks)", "rate(1.5 hours)", "every day", "at(2026-01-01T00:00)"),
        *("cron(0 3 * * *)", "cron(0 3 * * * *)", "cron(0 3 ? * ? *)", "cron(60 3 ? * MON *)"),
        *(
            "cron(0 24 ? * MON *)",
            "cron(0 3 ? 13 MON *)",
            "cron(0 3 ? * 8 *)",
            "cron(0 3 ? * MO *)",
        ),
        *(
            "cron(0 3 32 * ? *)",
            "cron(0 3 ? * MON 1969)",
            "cron(0/0 3 ? * MON *)",
            "cron(? 3 ? * 1 *)",
        ),
    ],
)
def test_what_aws_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate\(7 days\)"):
        schedule(text)
