"""The emulated training API: requests that it refuses, states, logs."""

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lading.emulator.sagemaker.training import TrainingApi
from tests.support.uvicorn_server import uvicorn_serving


class Folders:
    """A bucket that is a folder of the machine; a channel's script comes from `script`."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.kept: list[str] = []
        self.asked, self.ready = threading.Event(), threading.Event()
        self.ready.set()

    def fetch(self, address: str, folder: Path) -> None:
        self.asked.set()
        self.ready.wait()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "train.py").write_text(self.script)

    def keep(self, folder: Path, address: str) -> None:
        self.kept += [f"{address}/{path.name}" for path in sorted(folder.iterdir())]


@pytest.fixture
def bucket() -> Folders:
    return Folders("print('loss=0.5')\nprint('loss=0.25')")


@pytest.fixture
def api(bucket: Folders, tmp_path: Path) -> Iterator[TrainingApi]:
    api = TrainingApi(tmp_path / "jobs", bucket, {"PATH": os.defpath})
    yield api
    api.stop()


@pytest.fixture
def session(api: TrainingApi) -> Iterator[Mapping[str, Any]]:
    """boto3's clients of the API."""
    with uvicorn_serving(api) as address:
        made = boto3.session.Session("test", "test", region_name="us-east-1")
        yield {
            name: made.client(name, endpoint_url=f"http://{address}")
            for name in ("sagemaker", "logs")
        }


def request(**changes: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/code"}
    return {
        "TrainingJobName": "job",
        "RoleArn": "arn:aws:iam::000000000000:role/training",
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        "InputDataConfig": [{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": "s3://b/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


def finished(api: TrainingApi, session: Mapping[str, Any]) -> Any:
    api.jobs["job"].join()
    return session["sagemaker"].describe_training_job(TrainingJobName="job")


def test_a_job_runs_and_keeps_its_result(
    api: TrainingApi, session: Mapping[str, Any], bucket: Folders
) -> None:
    session["sagemaker"].create_training_job(**request())
    described = finished(api, session)
    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Completed"
    [metric] = described["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("loss", 0.25)
    archive = described["ModelArtifacts"]["S3ModelArtifacts"]
    assert archive == "s3://b/jobs/job/output/model.tar.gz"
    assert archive in bucket.kept


def test_the_log_is_read_page_by_page(api: TrainingApi, session: Mapping[str, Any]) -> None:
    session["sagemaker"].create_training_job(**request())
    finished(api, session)
    logs, group = session["logs"], "/aws/sagemaker/TrainingJobs"
    [stream] = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="job/")[
        "logStreams"
    ]
    where = {"logGroupName": group, "logStreamName": stream["logStreamName"]}
    page = logs.get_log_events(**where, startFromHead=True)
    assert [event["message"] for event in page["events"]] == ["loss=0.5", "loss=0.25"]
    after = logs.get_log_events(**where, nextToken=page["nextForwardToken"])
    assert after["events"] == []
    assert after["nextForwardToken"] == page["nextForwardToken"]


def test_a_failed_job_has_a_reason(
    api: TrainingApi, session: Mapping[str, Any], bucket: Folders
) -> None:
    bucket.script = "import sys\nsys.exit(3)"
    session["sagemaker"].create_training_job(**request())
    described = finished(api, session)
    assert described["TrainingJobStatus"] == "Failed"
    assert described["FailureReason"] == "AlgorithmError: exit code 3"


def test_a_job_that_takes_too_long_is_stopped(
    api: TrainingApi, session: Mapping[str, Any], bucket: Folders
) -> None:
    bucket.script = "import time\ntime.sleep(600)"
    session["sagemaker"].create_training_job(
        **request(StoppingCondition={"MaxRuntimeInSeconds": 1})
    )
    assert finished(api, session)["TrainingJobStatus"] == "Stopped"


def test_a_job_that_is_stopped_before_its_process_exists_starts_none(
    api: TrainingApi, session: Mapping[str, Any], bucket: Folders
) -> None:
    bucket.ready.clear()
    session["sagemaker"].create_training_job(**request())
    bucket.asked.wait()
    session["sagemaker"].stop_training_job(TrainingJobName="job")
    bucket.ready.set()
    assert finished(api, session)["TrainingJobStatus"] == "Stopped"
    assert api.jobs["job"].log.read_bytes() == b""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TrainingJobName": "-"}, "not a valid TrainingJobName"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds must be at least"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 2}},
            "only for managed spot",
        ),
    ],
)
def test_what_sagemaker_refuses(
    session: Mapping[str, Any], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason):
        session["sagemaker"].create_training_job(**request(**changes))


def test_a_name_is_used_once(session: Mapping[str, Any]) -> None:
    session["sagemaker"].create_training_job(**request())
    with pytest.raises(ClientError, match="ResourceInUse"):
        session["sagemaker"].create_training_job(**request())


def test_an_unknown_job_and_an_unknown_operation_are_refused(session: Mapping[str, Any]) -> None:
    with pytest.raises(ClientError, match="not found: gone"):
        session["sagemaker"].describe_training_job(TrainingJobName="gone")
    with pytest.raises(ClientError, match="UnknownOperationException"):
        session["sagemaker"].list_models()
