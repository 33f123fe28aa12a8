"""Executions of a model's batches, in an account that starts them and never ends one itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from lading.cli.aws.batches.executions import BatchService
from lading.cli.errors import BatchFailed, VersionElsewhere
from tests.cli.conftest import run
from tests.end_to_end.conftest import guide_commands
from tests.support.s3 import aws

STACK = "lading-prod-model-digits"
DEFINITION = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
DIGEST = f"sha256:{'0' * 64}"
ID = "0a1b2c3d4e5f6071"


@pytest.fixture
def service(s3_url: str, tmp_path: Path) -> Iterator[BatchService]:
    with aws(s3_url):
        states: Any = boto3.client("stepfunctions")
        role = "arn:aws:iam::000000000000:role/batches"
        made = states.create_state_machine(
            name="batches", definition=json.dumps(DEFINITION), roleArn=role
        )
        outputs = {"BatchBucketName": "b", "BatchMachineArn": made["stateMachineArn"]}
        outputs["BatchVersions"] = "[1, 2]"
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": text} for key, text in outputs.items()},
        }
        stacks = boto3.client("cloudformation")
        stacks.create_stack(StackName=STACK, TemplateBody=json.dumps(template))
        version = {
            "identity": DIGEST,
            "digest": DIGEST,
            "target": "lambda",
            "stores": [{"kind": "local", "path": "."}],
        }
        lock = {"digits": {"versions": {"1": version}, "labels": {"stable": 1}}}
        (tmp_path / "models.lock.json").write_text(json.dumps(lock))
        (tmp_path / "stages.yaml").write_text("stages: {prod: {}}\n")
        try:
            yield BatchService(STACK, "digits", None)
        finally:
            stacks.delete_stack(StackName=STACK)
            states.delete_state_machine(stateMachineArn=made["stateMachineArn"])


def test_a_batch_that_runs_is_found_and_one_that_was_stopped_gets_another_execution(
    service: BatchService, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the guide's commands."""
    status, stop = (words for words in guide_commands("batch.md", "batch s"))
    assert service.known(ID) is None
    started = service.start(ID, {"kind": "chunks"})
    assert service.known(ID) == started
    assert run(tmp_path, *status) == 0
    assert f"{ID}-1" in capfd.readouterr().out
    assert run(tmp_path, *stop) == 0
    assert capfd.readouterr().out == f"{ID}-1: aborted\n"
    assert service.known(ID) is None
    with pytest.raises(BatchFailed, match="ABORTED"):
        service.follow(service.latest()[0], lambda: None)
    with pytest.raises(BatchFailed, match="does not run"):
        service.stop(f"{ID}-1")
    assert service.start(ID, {"kind": "chunks"}).id == f"{ID}-2"


def test_only_a_version_that_is_deployed_is_asked(service: BatchService) -> None:
    service.require_version(2)
    with pytest.raises(VersionElsewhere, match="versions 1 and 2 of model 'digits' are deployed"):
        service.require_version(3)


def test_a_batch_is_found_among_many(service: BatchService) -> None:
    """Otherwise its next execution would get a name that is taken."""
    first = service.start(ID, {"kind": "chunks"})
    for number in range(25):
        service.start(f"{number:016}", {"kind": "chunks"})
    assert service.known(ID) == first
    assert service.start(ID, {"kind": "chunks"}).id == f"{ID}-2"
    assert service.stop(first.id).status == "ABORTED"


def test_the_next_execution_gets_a_free_name_after_the_first_ones_are_forgotten(
    service: BatchService,
) -> None:
    """Step Functions forgets executions after 90 days: this one is the second of its batch."""
    states: Any = boto3.client("stepfunctions")
    [machine] = states.list_state_machines()["stateMachines"]
    states.start_execution(stateMachineArn=machine["stateMachineArn"], name=f"{ID}-2", input="{}")
    assert service.start(ID, {"kind": "chunks"}).id == f"{ID}-3"
