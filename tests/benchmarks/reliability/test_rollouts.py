"""Servers replace each other under load, and no request is lost; `make reliability` does 1,000."""

import asyncio

import pytest

from benchmarks.reliability.outcome import Plan
from benchmarks.reliability.rollouts import roll
from benchmarks.reliability.serving import models


@pytest.mark.slow
def test_twenty_rollouts_lose_no_request() -> None:
    plan = Plan(minutes=10, say=lambda _: None)
    with models() as root:
        row = asyncio.run(roll(plan, root, 20, workers=1))
    assert row.requests > 1000
    assert (row.often, row.lost, row.wrong, row.reasons) == (20, 0, 0, [])
    assert row.good()
