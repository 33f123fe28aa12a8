"""The stack of who delivers: each role trusts one subject, and may do its part only."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from lading.stacks.composition import add_stacks
from lading.stacks.delivery.steps import commands
from lading.stacks.delivery_stack import DeliveryStack
from lading.stacks.stages.delivery import Delivery, GitHub, PipelineSettings
from lading.stacks.stages.settings import Deployment, Names, StageSettings
from tests.stacks.projects import write_project
from tests.stacks.synthesis import ROOT, make_app, only, resources
from tests.support.guides import commands_of, section_of

CONNECTION = "arn:aws:codeconnections:eu-central-1:000000000000:connection/0a1b"
ISSUER = "token.actions.githubusercontent.com"


@pytest.fixture(scope="module")
def template() -> Template:
    delivery = Delivery(
        github=GitHub(subject="repo:acme@12/models@34"),
        pipeline=PipelineSettings(connection=CONNECTION, repository="acme/models"),
    )
    settings = StageSettings(delivery=delivery, regions=("eu-central-1", "eu-west-1"))
    deployment = Deployment(Names("lading", "prod"), settings)
    stack = DeliveryStack(App(), "d", deployment=deployment, region="eu-central-1")
    return Template.from_stack(stack)


def allowed(template: Template, role: str) -> dict[str, list[str]]:
    """Action -> the resources on which a role may perform it, each as JSON."""
    found: dict[str, list[str]] = {}
    for key, it in resources(template, "AWS::IAM::Policy").items():
        if key.startswith(role):
            for statement in it["Properties"]["PolicyDocument"]["Statement"]:
                actions, places = (
                    value if isinstance(value, list) else [value]
                    for value in (statement["Action"], statement["Resource"])
                )
                for action in actions:
                    found.setdefault(action, []).extend(map(json.dumps, places))
    return found


@pytest.mark.parametrize(
    ("role", "subject"),
    [
        ("review", "repo:acme@12/models@34:pull_request"),
        ("package", "repo:acme@12/models@34:ref:refs/heads/main"),
        ("deploy", "repo:acme@12/models@34:environment:prod"),
    ],
)
def test_a_role_trusts_one_subject_of_github_and_no_other(
    template: Template, role: str, subject: str
) -> None:
    found = only(template, "AWS::IAM::Role", RoleName=f"lading-prod-delivery-{role}")
    (trusted,) = found["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trusted["Condition"] == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}
    }


def test_services_assume_roles_for_this_account_only(template: Template) -> None:
    services = [
        statement
        for role in resources(template, "AWS::IAM::Role").values()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"]
    ]
    assert len(services) == 4
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert all(it["Condition"] == own for it in services)


def test_reviews_read_and_packaging_writes_and_neither_deploys(template: Template) -> None:
    review, package = (allowed(template, role) for role in ("ReviewRole", "PackageRole"))
    assert set(review) == {"kms:Decrypt", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}
    assert set(package) - set(review) == {
        "kms:GenerateDataKey",
        "s3:AbortMultipartUpload",
        "s3:PutObject",
    }


def test_a_deployment_goes_through_the_cdks_roles_of_the_stages_regions(template: Template) -> None:
    found = allowed(template, "DeployRole")
    assert set(found) == {
        *("kms:Decrypt", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"),
        *("sts:AssumeRole", "execute-api:Invoke"),
    }
    assert len(found["sts:AssumeRole"]) == 8
    assert all(":role/cdk-hnb659fds-" in arn for arn in found["sts:AssumeRole"])
    for region in ("eu-central-1", "eu-west-1"):
        assert sum(f"-{region}" in arn for arn in found["sts:AssumeRole"]) == 4
    assert all(":*/prod/*" in arn for arn in found["execute-api:Invoke"])


def test_the_account_may_have_a_provider_already() -> None:
    arn = f"arn:aws:iam::000000000000:oidc-provider/{ISSUER}"
    delivery = Delivery(github=GitHub(subject="repo:acme/models", provider=arn))
    deployment = Deployment(Names("lading", "dev"), StageSettings(delivery=delivery))
    stack = DeliveryStack(App(), "d", deployment=deployment, region=None)
    found = Template.from_stack(stack)
    found.resource_count_is("AWS::IAM::OIDCProvider", 0)
    role = only(found, "AWS::IAM::Role", RoleName="lading-dev-delivery-deploy")
    (trusted,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Federated": arn}


@pytest.mark.parametrize("subject", ["repo:acme/*", "repo:*", "acme/models", "repo:a/b:c", ""])
def test_a_subject_names_one_repository(subject: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        GitHub(subject=subject)


def test_the_pipeline_packages_deploys_stage_after_stage_and_promotes(template: Template) -> None:
    pipeline = only(template, "AWS::CodePipeline::Pipeline")["Properties"]
    found = {stage["Name"]: stage["Actions"] for stage in pipeline["Stages"]}
    assert list(found) == ["Source", "Package", "Dev", "Prod", "Promote"]
    assert [action["Name"] for action in found["Prod"]] == ["Approve", "Deploy"]
    assert [action["RunOrder"] for action in found["Prod"]] == [1, 2]
    for name, stage in (("Dev", "dev"), ("Prod", "prod")):
        (deploy,) = [it for it in found[name] if it["Name"] == "Deploy"]
        (variable,) = json.loads(deploy["Configuration"]["EnvironmentVariables"])
        assert (variable["name"], variable["value"]) == ("STAGE", stage)
        assert deploy["InputArtifacts"] == [{"Name": "Candidates"}]


def test_the_pipeline_may_use_its_connection_by_the_prefix_of_the_connections_name(
    template: Template,
) -> None:
    """In `arn:aws:codeconnections:...` an action `codestar-connections:...` allows nothing."""
    found = allowed(template, "PipelineRole")
    assert found["codeconnections:UseConnection"] == [json.dumps(CONNECTION)]
    assert found["codestar-connections:UseConnection"] == [json.dumps(CONNECTION)]
    assert found["s3:PutObjectAcl"] == found["s3:PutObject"]


def test_its_builds_run_the_commands_of_the_workflows(template: Template) -> None:
    specs: dict[str, Any] = {
        it["Properties"]["Name"].rpartition("-")[2]: json.loads(
            it["Properties"]["Source"]["BuildSpec"]
        )
        for it in resources(template, "AWS::CodeBuild::Project").values()
    }
    assert set(specs) == {"package", "deploy", "promote"}
    text = json.dumps(specs["deploy"]["phases"]["build"]["commands"])
    for step in commands("lading-stage", "deploy", "Deploy", "Smoke"):
        assert json.dumps(step)[1:-1] in text
    assert specs["package"]["artifacts"] == {"files": ["**/*"]}
    assert "artifacts" not in specs["deploy"]


def test_an_emulated_account_has_no_such_stack(tmp_path: Path) -> None:
    stages = "stages: {dev: {delivery: {github: {subject: 'repo:acme/models'}}}}"
    write_project(tmp_path, {}, stages)
    for local, expected in ((True, 0), (False, 1)):
        app = make_app(tmp_path, local=local)
        add_stacks(app, ROOT)
        assert sum(isinstance(it, DeliveryStack) for it in app.node.children) == expected


def test_the_command_of_the_guide_deploys_the_stack_of_its_settings(tmp_path: Path) -> None:
    section = section_of("delivery.md", "## Roles without keys")
    (settings,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    (command,) = (it for it in commands_of("delivery.md") if it.startswith("npx cdk "))
    verb, stack, option, stage = command.split()[2:]
    assert (verb, option, stage) == ("deploy", "-c", "stage=prod")
    write_project(tmp_path, {}, settings)
    app = make_app(tmp_path, stage="prod")
    add_stacks(app, ROOT)
    found = app.node.find_child(stack)
    assert isinstance(found, DeliveryStack)
    Template.from_stack(found).resource_count_is("AWS::IAM::OIDCProvider", 1)
