"""Executions of a model's batches, in an account that starts them and never ends one itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lading.cli.aws.batches.executions import BatchExecution, BatchService
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
    states: Any = boto3.client("stepfunctions")
    [machine] = states.list_state_machines()["stateMachines"]
    for number in range(25):
        begun = states.start_execution(
            stateMachineArn=machine["stateMachineArn"], name=f"{number:016}-1", input="{}"
        )
        states.stop_execution(executionArn=begun["executionArn"])
    assert service.known(ID) == first
    assert service.stop(first.id).status == "ABORTED"
    assert service.start(ID, {"kind": "chunks"}).id == f"{ID}-2"


def test_a_second_batch_waits_so_that_both_do_not_take_what_live_callers_have(
    service: BatchService,
) -> None:
    first = service.start(ID, {"kind": "chunks"})
    with pytest.raises(BatchFailed, match=f"not started, since batch '{ID}-1' runs"):
        service.start("f" * 16, {"kind": "chunks"})
    service.stop(first.id)
    assert service.start("f" * 16, {"kind": "chunks"}).id == f"{'f' * 16}-1"


def test_the_next_execution_gets_a_free_name_after_the_first_ones_are_forgotten(
    service: BatchService,
) -> None:
    """Step Functions forgets executions after 90 days: this one is the second of its batch."""
    states: Any = boto3.client("stepfunctions")
    [machine] = states.list_state_machines()["stateMachines"]
    second = states.start_execution(
        stateMachineArn=machine["stateMachineArn"], name=f"{ID}-2", input="{}"
    )
    states.stop_execution(executionArn=second["executionArn"])
    assert service.start(ID, {"kind": "chunks"}).id == f"{ID}-3"


def test_an_execution_that_failed_says_why(service: BatchService) -> None:
    """A line of the input that is not JSON ends a Map; the emulated account keeps no reasons."""
    arn, now = "arn:aws:states:eu-west-1:000000000000:execution:b:1", datetime.now(UTC)
    failed = {
        "executionArn": arn,
        "stateMachineArn": arn,
        "name": "1",
        "startDate": now,
        "status": "FAILED",
        "error": "States.ItemReaderFailed",
        "cause": "line 3 is not JSON",
    }
    with Stubber(service._machine.states) as stub:
        stub.add_response("describe_execution", failed, {"executionArn": arn})
        with pytest.raises(BatchFailed, match="ItemReaderFailed: line 3 is not JSON"):
            service.follow(BatchExecution("1", "FAILED", now, now, arn), lambda: None)
