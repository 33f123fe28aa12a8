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


def test_the_artifact_is_a_layer_at_its_very_version(layered: Template) -> None:
    layered.has_resource_properties(
        "AWS::Lambda::LayerVersion",
        {
            "Content": {
                "S3Bucket": "artifacts-of-dev",
                "S3Key": "models/digits/3/artifact.zip",
                "S3ObjectVersion": "v1",
            }
        },
    )


def test_only_a_model_with_processing_steps_has_the_layer_of_their_libraries(
    layered: Template, tmp_path: Path
) -> None:
    stepped = one_model(tmp_path, locked(s3_copy("digits"), processing=["pillow"]))
    layers = {
        each["Properties"]["Description"]
        for each in resources(stepped, "AWS::Lambda::LayerVersion").values()
    }
    assert "Lading: pillow, for processing steps" in layers
    assert len(only(stepped, "AWS::Lambda::Function", **FUNCTION)["Properties"]["Layers"]) == 3
    assert len(only(layered, "AWS::Lambda::Function", **FUNCTION)["Properties"]["Layers"]) == 2


def test_another_s3_version_in_the_lock_is_another_published_version(
    layered: Template, tmp_path: Path
) -> None:
    changed = one_model(tmp_path, locked(s3_copy("digits", "v2")))
    published = [set(resources(it, "AWS::Lambda::Version")) for it in (layered, changed)]
    targets = [
        only(it, "AWS::Lambda::Alias")["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
        for it in (layered, changed)
    ]
    assert published[0].isdisjoint(published[1])
    assert [{target} for target in targets] == published


def test_the_same_lock_is_the_same_template(layered: Template, tmp_path: Path) -> None:
    assert one_model(tmp_path, locked(s3_copy("digits"))).to_json() == layered.to_json()


def test_the_function_serves_the_stable_version_alone(layered: Template) -> None:
    served = json.loads(environment(layered)["LADING_MODELS"])
    assert served == {"digits": {"versions": {"3": f"sha256:{'5' * 64}"}, "labels": {"stable": 3}}}
    assert environment(layered)["LADING_MODEL_ROOT"] == "/opt"


def test_the_function_is_traced_logged_and_starts_from_a_snapshot(layered: Template) -> None:
    function = only(layered, "AWS::Lambda::Function", **FUNCTION)["Properties"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert function["Runtime"] == "python3.13"
    assert len(function["Layers"]) == 2
    name = "/aws/lambda/lading-dev-model-digits"
    layered.has_resource_properties(
        "AWS::Logs::LogGroup", {"LogGroupName": name, "RetentionInDays": 90}
    )


def test_a_stage_sets_memory_time_and_threads(tmp_path: Path) -> None:
    stages = """
stages:
  dev:
    log_retention_days: 7
    architecture: arm64
    cors: [https://a.example, https://b.example]
    defaults: {memory_mb: 3538}
    models:
      digits: {timeout_s: 5, snap_start: false, reserved_concurrency: 4}
"""
    template = one_model(tmp_path, locked(s3_copy("digits")), stages)
    function = only(template, "AWS::Lambda::Function", **FUNCTION)["Properties"]
    assert (function["MemorySize"], function["Timeout"]) == (3538, 5)
    assert function["ReservedConcurrentExecutions"] == 4
    assert function["Architectures"] == ["arm64"]
    assert "SnapStart" not in function
    assert environment(template)["LADING_THREADS"] == "2"
    assert environment(template)["LADING_CORS"] == "https://a.example,https://b.example"
    retentions = resources(template, "AWS::Logs::LogGroup").values()
    assert {group["Properties"]["RetentionInDays"] for group in retentions} == {7}


def test_a_model_in_a_layer_reads_nothing_from_s3(layered: Template, local: Template) -> None:
    for template in (layered, local):
        actions = {action for statement in statements(template) for action in statement["Action"]}
        assert not any(action.startswith(("s3:", "kms:")) for action in actions)


def test_a_model_too_big_for_a_layer_may_read_its_own_object_at_its_own_version(
    remote: Template,
) -> None:
    allowed = statements(remote, "s3:GetObjectVersion")
    key = "models/digits/3/artifact.zip"
    assert [it["Resource"] for it in allowed] == [
        {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, f":s3:::artifacts-of-dev/{key}"]]}
    ]
    assert allowed[0]["Condition"] == {"StringEquals": {"s3:VersionId": "v1"}}
    decrypt = statements(remote, "kms:Decrypt")
    asked = {"kms:ResourceAliases": "alias/lading-dev-artifacts"}
    assert all(it["Condition"]["ForAnyValue:StringEquals"] == asked for it in decrypt)
    served = json.loads(environment(remote)["LADING_MODELS"])
    place = {"bucket": "artifacts-of-dev", "key": key, "version_id": "v1"}
    assert served["digits"]["s3"] == {"3": place}
    assert len(only(remote, "AWS::Lambda::Function", **FUNCTION)["Properties"]["Layers"]) == 1


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
