"""`lading stacks` with an emulated CloudFormation."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cli.conftest import Lading
from tests.support.s3 import aws

HOME, AWAY = "eu-west-1", "us-east-1"
TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
REMOVE = "aws cloudformation delete-stack --region {} --stack-name {}"


def create(region: str, name: str, description: str) -> None:
    session: Any = boto3.session.Session(region_name=region)
    with closing(session.client("cloudformation")) as client:
        template = json.dumps({**TEMPLATE, "Description": description})
        client.create_stack(StackName=name, TemplateBody=template)


def delete_all(region: str) -> None:
    session: Any = boto3.session.Session(region_name=region)
    with closing(session.client("cloudformation")) as client:
        for stack in client.describe_stacks()["Stacks"]:
            client.delete_stack(StackName=stack["StackName"])


@pytest.fixture
def account(s3_url: str) -> Iterator[None]:
    """An account with stacks of two stages and of somebody else, in two regions."""
    with aws(s3_url, AWS_DEFAULT_REGION=HOME):
        create(HOME, "lading-dev-model-double", "Lading dev: model double, version 2")
        create(HOME, "lading-dev-model-large", "Lading dev: model large, version 1")
        create(HOME, "lading-dev-api", "Lading dev: the API")
        create(HOME, "lading-dev-model-model-x", "Lading model: model x, version 1")
        create(HOME, "other-dev-model-old", "Lading dev: model old, version 1")
        create(HOME, "lading-dev-model-of-somebody", "Somebody's own")
        create(AWAY, "lading-dev-model-large", "Lading dev: model large, version 1")
        try:
            yield
        finally:
            delete_all(HOME)
            delete_all(AWAY)


@pytest.mark.usefixtures("account")
def test_a_stack_whose_model_is_gone_is_named_with_what_deletes_it(lading: Lading) -> None:
    result = lading("stacks")
    assert result.code == 0, result.err
    assert REMOVE.format(HOME, "lading-dev-model-large") in result.out.splitlines()
    assert result.out.count("delete-stack") == 1
    assert "deploy stage 'dev'" in result.out


@pytest.mark.usefixtures("account")
def test_other_stages_services_and_stacks_are_not_listed(lading: Lading) -> None:
    assert lading("stacks", "--json").document == [
        {
            "name": "lading-dev-model-double",
            "region": HOME,
            "model": "double",
            "status": "CREATE_COMPLETE",
            "remove": None,
        },
        {
            "name": "lading-dev-model-large",
            "region": HOME,
            "model": "large",
            "status": "CREATE_COMPLETE",
            "remove": REMOVE.format(HOME, "lading-dev-model-large"),
        },
    ]


@pytest.mark.usefixtures("account")
def test_every_region_of_the_stage_is_searched(lading: Lading, workspace: Path) -> None:
    stages = f"stages: {{dev: {{regions: [{HOME}, {AWAY}]}}}}"
    (workspace / "stages.yaml").write_text(stages)
    rows = lading("stacks", "--json").document
    assert [row["region"] for row in rows if row["remove"]] == [HOME, AWAY]
    (row,) = lading("stacks", "--json", "--region", AWAY).document
    assert row["remove"] == REMOVE.format(AWAY, "lading-dev-model-large")


@pytest.mark.usefixtures("account")
def test_in_a_region_that_has_left_the_stage_every_stack_is_named(
    lading: Lading, workspace: Path
) -> None:
    (workspace / "stages.yaml").write_text(f"stages: {{dev: {{regions: [{AWAY}]}}}}")
    rows = lading("stacks", "--json", "--region", HOME).document
    assert [row["name"] for row in rows if row["remove"]] == [
        "lading-dev-model-double",
        "lading-dev-model-large",
    ]


@pytest.mark.usefixtures("account")
def test_what_it_names_is_gone_after_its_command(lading: Lading) -> None:
    (row,) = (row for row in lading("stacks", "--json").document if row["remove"])
    session: Any = boto3.session.Session(region_name=row["region"])
    with closing(session.client("cloudformation")) as client:
        client.delete_stack(StackName=row["remove"].split()[-1])
    assert "delete-stack" not in lading("stacks").out


@pytest.mark.usefixtures("account")
def test_a_stage_without_models_is_said_to_have_none(lading: Lading) -> None:
    assert "no model of this stage is deployed" in lading("stacks", "--region", "eu-north-1").out


def test_a_stage_that_is_missing_costs_one_line(lading: Lading) -> None:
    result = lading("stacks", "--stage", "test")
    assert result.code == 2
    assert result.err.count("\n") == 1


def test_an_account_that_cannot_be_reached_costs_one_line(lading: Lading) -> None:
    with aws("http://127.0.0.1:9", AWS_DEFAULT_REGION=HOME, AWS_MAX_ATTEMPTS="1"):
        result = lading("stacks")
    assert result.code == 7
    assert result.err.count("\n") == 1
