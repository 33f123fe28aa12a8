"""The batches of a model's function: a Distributed Map that starves nobody and may do little."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Template

from lading.stacks.errors import StackError
from lading.stacks.stages.batch import VERSIONS_OUTPUT
from tests.stacks.policies import Resolved
from tests.stacks.projects import locked, s3_copy
from tests.stacks.synthesis import one_model, only, resources, statements

STAGES = """
stages:
  dev:
    models:
      digits:
        reserved_concurrency: 20
        batch: {inputs: ['s3://their-data/rows'], keep_days: 7}
"""


def template(folder: Path, stages: str = STAGES, **asked: Any) -> Template:
    folder.mkdir(exist_ok=True)
    return one_model(folder, locked(s3_copy("digits")), stages, **asked)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template(tmp_path_factory.mktemp("batches"))


def definition(found: Template) -> Any:
    machine = only(found, "AWS::StepFunctions::StateMachine")["Properties"]
    return json.loads(Resolved(found.to_json()).value(machine["DefinitionString"]))


def test_each_kind_of_input_has_a_map_into_the_live_function(deployed: Template) -> None:
    states = definition(deployed)["States"]
    kinds = {it["StringEquals"]: it["Next"] for it in states["Kind?"]["Choices"]}
    assert kinds == {"chunks": "Chunks", "files": "Files", "rows": "Rows"}
    for name in kinds.values():
        assert states[name]["MaxConcurrency"] == 10  # half of what is reserved
        assert states[name]["ToleratedFailurePercentage"] == 100
        batcher = states[name]["ItemBatcher"]
        given = batcher["BatchInput"]
        common = {"kind.$", "input.$", "results.$", "version.$", "group.$", "owner"}
        assert set(given) == common
        assert given["owner"] == Resolved(deployed.to_json()).value({"Ref": "AWS::AccountId"})
        assert batcher["MaxItemsPerBatchPath"] == "$.most"  # so that a slow model ends in time
        assert batcher["MaxInputBytesPerBatch"] < 256 * 1024
        assert states[name]["ResultWriter"]["Parameters"]["Bucket.$"] == "$.bucket"
        answer = states[name]["ItemProcessor"]["States"]["Answer"]
        assert answer["Resource"].endswith(":states:::lambda:invoke")
        throttled, rest = answer["Retry"]
        assert "Lambda.TooManyRequestsException" in throttled["ErrorEquals"]
        assert throttled["MaxAttempts"] > rest["MaxAttempts"] > 0
    assert states["Rows"]["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}


def test_the_command_reads_which_versions_are_served(deployed: Template) -> None:
    assert json.loads(deployed.to_json()["Outputs"][VERSIONS_OUTPUT]["Value"]) == [3]


def test_inputs_and_results_are_deleted_in_days(deployed: Template) -> None:
    rules = [
        bucket["Properties"]["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"]
        for bucket in resources(deployed, "AWS::S3::Bucket").values()
    ]
    assert rules == [7]


def test_what_is_read_is_the_batches_own_and_the_inputs_of_the_settings(deployed: Template) -> None:
    reads = statements(deployed, "s3:GetObject")
    places = json.dumps([each["Resource"] for each in reads])
    assert places.count("their-data/rows*") == 2  # the function's and the machine's
    assert '"*"' not in places
    writes = json.dumps([each["Resource"] for each in statements(deployed, "s3:PutObject")])
    assert "their-data" not in writes


def test_the_machine_may_do_what_a_map_does_to_write_its_results(deployed: Template) -> None:
    """As CDK's own construct states it."""
    writer = sfn.ResultWriterV2(bucket=s3.Bucket(Stack(), "Bucket"))
    needed = {
        action
        for each in writer.provide_policy_statements()
        for action in each.to_statement_json()["Action"]
    }
    assert len(needed) == 4
    role = only(deployed, "AWS::StepFunctions::StateMachine")["Properties"]["RoleArn"]
    (own,) = (
        json.dumps(policy)
        for policy in resources(deployed, "AWS::IAM::Policy").values()
        if {"Ref": role["Fn::GetAtt"][0]} in policy["Properties"]["Roles"]
    )
    assert {action for action in needed if f'"{action}"' not in own} == set()


def test_an_emulated_account_groups_no_items(tmp_path: Path) -> None:
    found = template(tmp_path / "project", local=True)
    chunks = definition(found)["States"]["Chunks"]
    assert "ItemBatcher" not in chunks
    assert "ResultWriter" not in chunks
    assert chunks["ItemSelector"]["BatchInput"]["kind.$"] == "$.kind"


def test_live_callers_are_not_starved(tmp_path: Path) -> None:
    stages = STAGES.replace("inputs", "concurrency: 20, inputs")
    with pytest.raises(StackError, match=r"\(20\) must be below reserved_concurrency \(20\)"):
        template(tmp_path / "project", stages)
