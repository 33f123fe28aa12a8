"""What stands between a published version and traffic."""

from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from tests.stacks.projects import local_artifact, locked, s3_copy
from tests.stacks.synthesis import one_model, only, resources, statements

GROUP = "AWS::CodeDeploy::DeploymentGroup"
CHECK = {"FunctionName": "lading-dev-check-digits"}
CLEAN = {"FunctionName": "lading-dev-clean-digits"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return one_model(tmp_path_factory.mktemp("cloud"), locked(s3_copy("digits")))


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("emulated")
    return one_model(folder, local_artifact(folder, "digits"), local=True)


def logical_id(template: Template, kind: str, **properties: Any) -> str:
    (found,) = template.find_resources(kind, {"Properties": properties})
    return str(found)


def test_traffic_shifts_through_both_hooks(template: Template) -> None:
    alias = only(template, "AWS::Lambda::Alias", Name="live")
    update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert update["BeforeAllowTrafficHook"] == {
        "Ref": logical_id(template, "AWS::Lambda::Function", **CHECK)
    }
    assert update["AfterAllowTrafficHook"] == {
        "Ref": logical_id(template, "AWS::Lambda::Function", **CLEAN)
    }


def test_alarms_on_the_new_version_bring_the_old_one_back(template: Template) -> None:
    group = only(template, GROUP)["Properties"]
    events = group["AutoRollbackConfiguration"]["Events"]
    assert set(events) == {
        "DEPLOYMENT_FAILURE",
        "DEPLOYMENT_STOP_ON_REQUEST",
        "DEPLOYMENT_STOP_ON_ALARM",
    }
    watched = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
    version = logical_id(template, "AWS::Lambda::Version")
    alarms = resources(template, "AWS::CloudWatch::Alarm")
    assert watched
    for alarm in watched:
        assert version in str(alarms[alarm]["Properties"]["Metrics"])


@pytest.mark.parametrize(
    ("rollout", "configuration"),
    [
        ("all-at-once", "LambdaAllAtOnce"),
        ("linear-10-percent-every-2-minutes", "LambdaLinear10PercentEvery2Minutes"),
    ],
)
def test_a_stage_says_how_traffic_shifts(tmp_path: Any, rollout: str, configuration: str) -> None:
    stages = f"stages: {{dev: {{rollout: {rollout}}}}}"
    changed = one_model(tmp_path, locked(s3_copy("digits")), stages)
    name = only(changed, GROUP)["Properties"]["DeploymentConfigName"]
    assert name == f"CodeDeployDefault.{configuration}"


def test_the_alias_waits_for_the_golden_check(template: Template, emulated: Template) -> None:
    for it, always in ((template, "false"), (emulated, "true")):
        check = only(it, "Custom::GoldenCheck")["Properties"]
        assert check["Always"] == always
        version = logical_id(it, "AWS::Lambda::Version")
        assert check["Version"] == {"Fn::GetAtt": [version, "Version"]}
        alias = only(it, "AWS::Lambda::Alias")
        assert logical_id(it, "Custom::GoldenCheck") in alias["DependsOn"]


def test_the_check_reads_the_golden_requests_from_the_artifacts_own_layer(
    template: Template,
) -> None:
    check = only(template, "AWS::Lambda::Function", **CHECK)["Properties"]
    variables = check["Environment"]["Variables"]
    assert variables["LADING_GOLDEN"] == "/opt/models/digits/3/golden.json"
    assert (variables["LADING_MODEL"], variables["LADING_VERSION"]) == ("digits", "3")
    assert len(check["Layers"]) == 1


def test_the_check_of_a_model_read_from_s3_reads_its_golden_object_alone(tmp_path: Any) -> None:
    big = one_model(tmp_path, locked(s3_copy("digits", bytes=1 << 28)))
    golden = f"artifacts-of-dev/models/digits/golden/{'1' * 64}.json"
    check = only(big, "AWS::Lambda::Function", **CHECK)["Properties"]
    variables = check["Environment"]["Variables"]
    assert variables["LADING_GOLDEN"] == f"s3://{golden}"
    assert variables["LADING_GOLDEN_OWNER"] == {"Ref": "AWS::AccountId"}
    function = only(big, "AWS::Lambda::Function", FunctionName="lading-dev-model-digits")
    assert "AWS::AccountId" in str(
        function["Properties"]["Environment"]["Variables"]["LADING_MODELS"]
    )
    (allowed,) = statements(big, "s3:GetObject")
    assert golden in str(allowed["Resource"])


def test_an_artifact_without_golden_requests_is_checked_for_readiness(tmp_path: Any) -> None:
    entry = local_artifact(tmp_path, "digits", golden=False)
    check = only(one_model(tmp_path, entry), "AWS::Lambda::Function", **CHECK)["Properties"]
    assert check["Environment"]["Variables"]["LADING_GOLDEN"] == ""
    assert "Layers" not in check


def test_published_versions_outlive_their_place_in_the_template(template: Template) -> None:
    """The hook deletes them; one whose deployment fails goes with it, or a retry would not publish.

    Lambda publishes nothing when code and configuration are those of the last version.
    """
    assert only(template, "AWS::Lambda::Version")["DeletionPolicy"] == "RetainExceptOnCreate"


def test_only_versions_can_be_deleted_never_the_function(template: Template) -> None:
    (allowed,) = statements(template, "lambda:DeleteFunction")
    assert allowed["Resource"]["Fn::Join"][1][-1] == ":*"


def test_codedeploy_may_move_this_alias_and_ask_these_hooks(template: Template) -> None:
    (moves,) = statements(template, "lambda:UpdateAlias")
    function = logical_id(template, "AWS::Lambda::Function", FunctionName="lading-dev-model-digits")
    assert all(function in str(resource) for resource in moves["Resource"])
    assert len(statements(template, "lambda:InvokeFunction")) == 2
    template.has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": Match.object_like(
                {
                    "Statement": [
                        Match.object_like({"Principal": {"Service": "codedeploy.amazonaws.com"}})
                    ]
                }
            )
        },
    )


def test_the_emulated_cloud_has_no_cleaning_and_no_shift(emulated: Template) -> None:
    assert not resources(emulated, GROUP)
    assert not emulated.find_resources("AWS::Lambda::Function", {"Properties": CLEAN})
    assert "UpdatePolicy" not in only(emulated, "AWS::Lambda::Alias")
