"""The judge of an endpoint's updates, in the model's stack."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_cdk.assertions import Template

from lading.stacks.stages.judge import unjudged_update
from lading.stacks.stages.sagemaker import SageMakerSettings
from tests.stacks.endpoints import stacks
from tests.stacks.synthesis import only, resources, statements, variables

JUDGE, MODEL = "lading-dev-update-judge-chat", "lading-dev-model-chat"
STAGE = "judge: {latency: 1.3, on_broken: hold}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return stacks(tmp_path_factory.mktemp("judged"), "count: {min: 2, max: 2}", judge=STAGE)[0]


def text_of(value: Any) -> str:
    """A text with references in it."""
    parts = value["Fn::Join"][1] if isinstance(value, dict) else [value]
    return "".join(it if isinstance(it, str) else "reference" for it in parts)


def test_a_judge_looks_every_minute_at_the_endpoint_and_the_check_asks_it(
    template: Template,
) -> None:
    found = json.loads(text_of(variables(template, JUDGE)["LADING_JUDGE"]))
    assert (found["function"], found["judge"], found["endpoint"]) == (MODEL, JUDGE, "reference")
    rules = resources(template, "AWS::Events::Rule").values()
    assert {it["Properties"]["ScheduleExpression"] for it in rules} == {"rate(1 minute)"}
    check = variables(template, "lading-dev-endpoint-chat")
    assert (check["LADING_JUDGE_FUNCTION"], check["LADING_JUDGE_BROKEN"]) == (JUDGE, "hold")


def test_an_alarm_on_the_judges_metric_rolls_the_update_back(template: Template) -> None:
    alarms = [it["Properties"] for it in resources(template, "AWS::CloudWatch::Alarm").values()]
    (worse,) = (it for it in alarms if it["AlarmName"] == f"{MODEL}-update-worse")
    assert (worse["MetricName"], worse["Namespace"]) == ("UpdateWorse", "Lading")
    assert worse["Dimensions"] == [{"Name": "function_name", "Value": MODEL}]
    assert (worse["Period"], worse["TreatMissingData"]) == (60, "notBreaching")
    endpoint = only(template, "AWS::SageMaker::Endpoint")["Properties"]
    rollback = endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert len(rollback) == 3
    assert "UpdateWorse" in json.dumps(rollback[-1])


def test_it_may_publish_in_the_services_namespace_only(template: Template) -> None:
    (publish,) = (
        it
        for it in statements(template, "cloudwatch:PutMetricData")
        if "StringEquals" in it["Condition"]
    )
    assert publish["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Lading"}}


def test_the_container_says_which_version_it_serves(template: Template) -> None:
    model = only(template, "AWS::SageMaker::Model")["Properties"]
    assert model["PrimaryContainer"]["Environment"]["LADING_MODEL_VERSION"] == "3"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("count: {min: 1}", "never answer at the same time"),
        ("mode: scale_to_zero", "mode scale_to_zero has no metrics"),
        ("count: {min: 2, max: 2}, update: {rollback: false}", "no alarm can roll an update back"),
    ],
)
def test_where_an_update_cannot_be_judged_a_warning_says_why(settings: str, reason: str) -> None:
    found = unjudged_update(SageMakerSettings.model_validate(yaml.safe_load(f"{{{settings}}}")))
    assert found is not None
    assert reason in found


def test_without_a_shift_of_traffic_there_is_no_judge_of_updates(tmp_path: Path) -> None:
    plain = stacks(tmp_path, "count: {min: 1}", judge=STAGE)[0]
    functions = resources(plain, "AWS::Lambda::Function").values()
    assert JUDGE not in {it["Properties"].get("FunctionName") for it in functions}
