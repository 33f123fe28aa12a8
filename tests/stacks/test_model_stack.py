"""The stack of one model: its function, what that may do, and what a new version changes."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk.assertions import Match, Template

from lading.functions.contract.limits import LAMBDA
from tests.stacks.projects import local_artifact, locked, s3_copy
from tests.stacks.synthesis import one_model, only, resources, statements

FUNCTION = {"FunctionName": "lading-dev-model-digits"}


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A model in S3 that fits in a layer."""
    return one_model(tmp_path_factory.mktemp("layered"), locked(s3_copy("digits")))


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A model in S3 that is too big for one."""
    entry = locked(s3_copy("digits", bytes=LAMBDA.artifact_bytes + 1))
    return one_model(tmp_path_factory.mktemp("remote"), entry)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A model in a folder."""
    folder = tmp_path_factory.mktemp("local")
    return one_model(folder, local_artifact(folder, "digits"))


def environment(template: Template) -> Mapping[str, str]:
    function = only(template, "AWS::Lambda::Function", **FUNCTION)
    return dict(function["Properties"]["Environment"]["Variables"])


def test_the_same_lock_is_the_same_template(layered: Template, tmp_path: Path) -> None:
    assert one_model(tmp_path, locked(s3_copy("digits"))).to_json() == layered.to_json()


def test_no_role_may_do_anything_everywhere(
    layered: Template, remote: Template, local: Template
) -> None:
    for template in (layered, remote, local):
        for statement in statements(template):
            assert not any("*" in action for action in statement["Action"])
            if statement["Resource"] == "*":
                assert set(statement["Action"]) <= {
                    "xray:PutTraceSegments",
                    "xray:PutTelemetryRecords",
                    "cloudwatch:DescribeAlarms",
                }
        for role in resources(template, "AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role["Properties"]


def test_every_model_has_its_alarms(layered: Template) -> None:
    alarms = resources(layered, "AWS::CloudWatch::Alarm").values()
    names = {alarm["Properties"]["AlarmName"] for alarm in alarms}
    assert all(name.startswith("lading-dev-model-digits-") for name in names)
    assert {f"lading-dev-model-digits-{it}" for it in ("canary-crashes", "throttles")} <= names


def test_outputs_and_tags_are_the_ones_that_scripts_know(layered: Template) -> None:
    outputs = layered.find_outputs("*")
    assert set(outputs) == {"FunctionName", "AliasArn"}
    tags = [{"Key": key, "Value": value} for key, value in (("model", "digits"), ("stage", "dev"))]
    layered.has_resource_properties("AWS::Lambda::Function", {"Tags": Match.array_with(tags)})


def test_roles_are_bounded_where_the_stage_says_so(tmp_path: Path) -> None:
    stages = "stages: {dev: {permissions_boundary: team-boundary}}"
    template = one_model(tmp_path, locked(s3_copy("digits")), stages)
    for role in resources(template, "AWS::IAM::Role").values():
        assert "policy/team-boundary" in json.dumps(role["Properties"]["PermissionsBoundary"])


def test_the_emulated_cloud_has_no_more_than_it_knows(tmp_path: Path) -> None:
    template = one_model(tmp_path, local_artifact(tmp_path, "digits"), local=True)
    kinds = {resource["Type"] for resource in template.to_json()["Resources"].values()}
    assert not {kind for kind in kinds if "CodeDeploy" in kind or "WAF" in kind}
    for alarm in resources(template, "AWS::CloudWatch::Alarm").values():
        assert "Metrics" not in alarm["Properties"]
