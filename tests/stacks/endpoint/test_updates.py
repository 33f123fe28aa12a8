from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.stacks.endpoints import endpoint_template
from tests.stacks.synthesis import only

ENDPOINT = "AWS::SageMaker::Endpoint"

TWO = {"min": 2, "max": 4}


def properties(template: Template, kind: str) -> dict[str, Any]:
    return dict(only(template, kind)["Properties"])


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (
            {"policy": "canary", "percent": 20, "wait_s": 60},
            {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20}},
        ),
        (
            {"policy": "linear", "percent": 25, "wait_s": 60},
            {"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25}},
        ),
        ({"policy": "all_at_once", "wait_s": 60}, {"Type": "ALL_AT_ONCE"}),
    ],
)
def test_a_second_fleet_takes_over_as_the_stage_says(
    update: dict[str, Any], expected: dict[str, Any]
) -> None:
    template = endpoint_template(alarms=("rings", "mine"), count=TWO, update=update)
    deployment = properties(template, ENDPOINT)["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {**expected, "WaitIntervalInSeconds": 60}
    assert policy["TerminationWaitInSeconds"] == 120
    assert deployment["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": "rings"}, {"AlarmName": "mine"}]
    }
    assert "RollingUpdatePolicy" not in deployment


def test_a_rolling_update_changes_some_instances_at_a_time() -> None:
    template = endpoint_template(count=TWO, update={"policy": "rolling", "percent": 25})
    deployment = properties(template, ENDPOINT)["DeploymentConfig"]
    share = {"Type": "CAPACITY_PERCENT", "Value": 25}
    assert deployment["RollingUpdatePolicy"] == {
        "MaximumBatchSize": share,
        "RollbackMaximumBatchSize": share,
        "WaitIntervalInSeconds": 300,
        "MaximumExecutionTimeoutInSeconds": 7200,
    }
    assert set(deployment) == {"RollingUpdatePolicy"}
