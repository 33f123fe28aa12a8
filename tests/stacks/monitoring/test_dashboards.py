from typing import Any

import pytest

from lading.stacks.monitoring.signals import MODEL_SIGNALS
from tests.stacks.api_stages import (
    only,
    text,
)


@pytest.mark.parametrize("which", ["service", "operations"])
def test_a_dashboard_draws_every_signal_that_it_is_for(stage: Any, which: str) -> None:
    dashboard = only(
        stage("dev"), "AWS::CloudWatch::Dashboard", DashboardName=f"lading-dev-{which}"
    )
    drawn = text(dashboard["DashboardBody"])
    for signal in MODEL_SIGNALS:
        assert (signal.title in drawn) == (signal.dashboard == which)


def test_the_operations_dashboard_says_when_a_canary_was_not_judged(stage: Any) -> None:
    name = {"DashboardName": "lading-dev-operations"}
    drawn = text(only(stage("dev"), "AWS::CloudWatch::Dashboard", **name)["DashboardBody"])
    assert "not judged" in drawn
    assert "lading-dev-model-digits-canary-quiet" in drawn
    assert "ExecutedVersion" in drawn
