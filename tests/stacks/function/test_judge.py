"""The judge in a model's stack."""

import json
from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.stacks.projects import local_artifact, locked, s3_copy
from tests.stacks.synthesis import one_model, only, resources, statements, variables

JUDGE, MODEL = "lading-dev-judge-digits", "lading-dev-model-digits"
STAGES = "stages: {dev: {judge: {latency: 1.3, on_broken: hold}}}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return one_model(tmp_path_factory.mktemp("judged"), locked(s3_copy("digits")), STAGES)


def test_a_judge_looks_every_minute_at_the_deployment_group_of_its_model(
    template: Template,
) -> None:
    assert only(template, "AWS::Events::Rule")["Properties"]["ScheduleExpression"] == (
        "rate(1 minute)"
    )
    settings = variables(template, JUDGE)["LADING_JUDGE"]["Fn::Join"][1]
    text = "".join(it if isinstance(it, str) else "name" for it in settings)
    found = json.loads(text)
    assert (found["function"], found["judge"]) == (MODEL, JUDGE)
    assert (found["rules"]["latency"], found["on_broken"]) == (1.3, "hold")
    (group,) = resources(template, "AWS::CodeDeploy::DeploymentGroup")
    assert {"Ref": group} in settings


def test_the_judge_may_stop_roll_outs_and_look_at_those_of_this_group_and_these_two_logs(
    template: Template,
) -> None:
    """StopDeployment accepts no resource: a policy that names the group would allow nothing."""
    (stop,) = statements(template, "codedeploy:StopDeployment")
    assert stop["Resource"] == "*"
    (find,) = statements(template, "codedeploy:ListDeployments")
    assert "deploymentgroup" in json.dumps(find["Resource"])
    read = json.dumps([it["Resource"] for it in statements(template, "logs:FilterLogEvents")])
    assert f"/aws/lambda/{MODEL}:*" in read
    assert f"/aws/lambda/{JUDGE}:*" in read


def test_the_hook_after_traffic_asks_it_and_the_service_notes_its_answers(
    template: Template,
) -> None:
    hook = variables(template, "lading-dev-clean-digits")
    assert (hook["LADING_JUDGE_FUNCTION"], hook["LADING_JUDGE_BROKEN"]) == (JUDGE, "hold")
    assert variables(template, MODEL)["LADING_NOTE_ANSWERS"] == "true"


def test_alarms_tell_of_a_worse_version_and_of_a_roll_out_without_proof(template: Template) -> None:
    alarms = [it["Properties"] for it in resources(template, "AWS::CloudWatch::Alarm").values()]
    metrics = {
        it["AlarmName"]: it["MetricName"] for it in alarms if "rollout" in str(it["AlarmName"])
    }
    assert metrics == {
        f"{MODEL}-rollout-worse": "RolloutWorse",
        f"{MODEL}-rollout-undecided": "RolloutUndecided",
    }


def test_an_emulated_account_has_judge_and_hook_for_the_emulated_codedeploy(tmp_path: Any) -> None:
    emulated = one_model(tmp_path, local_artifact(tmp_path, "digits"), STAGES, local=True)
    found = json.loads(variables(emulated, JUDGE)["LADING_JUDGE"])
    assert (found["application"], found["group"]) == (MODEL, MODEL)
    assert variables(emulated, "lading-dev-clean-digits")["LADING_JUDGE_FUNCTION"] == JUDGE


def test_without_the_key_there_is_no_judge(tmp_path: Any) -> None:
    plain = one_model(tmp_path, locked(s3_copy("digits")))
    assert resources(plain, "AWS::Events::Rule") == {}
    assert "LADING_NOTE_ANSWERS" not in variables(plain, MODEL)
