"""The emulated jobs of batches: what they refuse, and what one bad object does to the others."""

import io
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lading.emulator.engines.container_process import Program
from lading.emulator.sagemaker.training import TrainingApi
from tests.support.emulator_sagemaker import CONTRARY
from tests.support.uvicorn_server import uvicorn_serving

REQUESTS = {
    "a": b'{"size": 3}',
    "b": b'{"status": 400}',
    "c": b'{"exit": 1}',
    "d": b'{"size": 1}',
    "e": b"x" * (1 << 20) + b"y",
}


def empty_archive() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz"):
        pass
    return content.getvalue()


class ManifestBucket:
    """A bucket with a model and a manifest; it keeps what is written."""

    def __init__(self, names: str) -> None:
        self.names = names
        self.kept: dict[str, bytes] = {}
        self.asked, self.ready = threading.Event(), threading.Event()
        self.ready.set()

    def fetch(self, address: str, folder: Path) -> None:
        self.asked.set()
        self.ready.wait()
        folder.mkdir(parents=True, exist_ok=True)
        name = address.rpartition("/")[2]
        listed = ", ".join(f'"{each}"' for each in self.names)
        manifest = f'[{{"prefix": "s3://b/in/"}}, {listed}]'.encode()
        known = {"manifest": manifest, "model.tar.gz": empty_archive(), **REQUESTS}
        (folder / name).write_bytes(known[name])

    def keep(self, folder: Path, address: str) -> None:
        self.kept |= {f"{address}/{path.name}": path.read_bytes() for path in folder.iterdir()}


def program(_image: str, _folder: Path) -> Program:
    return Program([sys.executable, "-I", "-S", CONTRARY, "serve"], {})


@pytest.fixture
def objects() -> ManifestBucket:
    return ManifestBucket("ad")


@pytest.fixture
def api(objects: ManifestBucket, tmp_path: Path) -> Iterator[TrainingApi]:
    api = TrainingApi(tmp_path / "jobs", objects, {}, program)
    yield api
    api.stop()


@pytest.fixture
def client(api: TrainingApi) -> Iterator[Any]:
    with uvicorn_serving(api) as address:
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        client = session.client("sagemaker", endpoint_url=f"http://{address}")
        source = {"S3Uri": "s3://b/model", "S3DataType": "S3Prefix", "CompressionType": "None"}
        places: dict[str, Any] = {
            "m": {"ModelDataUrl": "s3://b/model.tar.gz"},
            "folder": {"ModelDataSource": {"S3DataSource": source}},
        }
        for name, place in places.items():
            client.create_model(ModelName=name, PrimaryContainer={"Image": "i", **place})
        yield client


def transform(**changes: Any) -> Mapping[str, Any]:
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://b/manifest"}
    return {
        "TransformJobName": "job",
        "ModelName": "m",
        "MaxPayloadInMB": 1,
        "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/own"},
        "TransformOutput": {"S3OutputPath": "s3://b/out/"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        **changes,
    }


def test_every_object_is_a_request_and_has_an_answer(
    api: TrainingApi, client: Any, objects: ManifestBucket
) -> None:
    client.create_transform_job(**transform(MaxConcurrentTransforms=2))
    api.batches.jobs["Transform"]["job"].join()
    described = client.describe_transform_job(TransformJobName="job")
    assert described["TransformJobStatus"] == "Completed", described
    assert described["TransformEndTime"] >= described["TransformStartTime"]
    assert objects.kept == {"s3://b/out/a.out": b"xxx", "s3://b/out/d.out": b"x"}
    with pytest.raises(ClientError, match="ResourceInUse"):
        client.create_transform_job(**transform())


def test_objects_that_are_refused_kill_or_are_too_large_fail_the_job_and_no_other_object(
    api: TrainingApi, client: Any, objects: ManifestBucket
) -> None:
    objects.names = "abcde"
    client.create_transform_job(**transform())
    api.batches.jobs["Transform"]["job"].join()
    described = client.describe_transform_job(TransformJobName="job")
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("ClientError")
    assert set(objects.kept) == {"s3://b/out/a.out", "s3://b/out/d.out"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TransformJobName": "-"}, "not a valid TransformJobName"),
        ({"ModelName": "gone"}, "Could not find model"),
        ({"ModelName": "folder"}, "accepts no model with a ModelDataSource"),
        ({"MaxPayloadInMB": 20, "MaxConcurrentTransforms": 6}, "must not exceed 100 MB"),
    ],
    ids=["name", "model", "folder", "payload"],
)
def test_what_sagemaker_refuses(client: Any, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        client.create_transform_job(**transform(**changes))


def test_a_processing_job_that_is_stopped_before_its_process_exists_starts_none(
    api: TrainingApi, client: Any, objects: ManifestBucket
) -> None:
    objects.ready.clear()
    place = "/opt/ml/processing"
    source = {"S3Uri": "s3://b/a", "S3DataType": "S3Prefix", "LocalPath": f"{place}/in"}
    target = {"S3Uri": "s3://b/out", "S3UploadMode": "Continuous", "LocalPath": f"{place}/out"}
    said = f"open('{place}/out/said', 'w')"
    client.create_processing_job(
        ProcessingJobName="job",
        RoleArn="arn:aws:iam::000000000000:role/jobs",
        AppSpecification={"ImageUri": "i", "ContainerEntrypoint": ["python3", "-c", said]},
        ProcessingInputs=[{"InputName": "in", "S3Input": {**source, "S3InputMode": "File"}}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": target}]},
        ProcessingResources={
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            }
        },
    )
    objects.asked.wait()
    client.stop_processing_job(ProcessingJobName="job")
    objects.ready.set()
    api.batches.jobs["Processing"]["job"].join()
    described = client.describe_processing_job(ProcessingJobName="job")
    assert described["ProcessingJobStatus"] == "Stopped"
    assert objects.kept == {}


def test_jobs_are_listed_page_by_page_and_an_unknown_one_is_refused(
    api: TrainingApi, client: Any
) -> None:
    for number in range(3):
        client.create_transform_job(**transform(TransformJobName=f"job-{number}"))
    first = client.list_transform_jobs(NameContains="job-", MaxResults=2)
    rest = client.list_transform_jobs(NameContains="job-", NextToken=first["NextToken"])
    names = [
        it["TransformJobName"] for page in (first, rest) for it in page["TransformJobSummaries"]
    ]
    assert names == ["job-2", "job-1", "job-0"]
    assert not client.list_processing_jobs()["ProcessingJobSummaries"]
    with pytest.raises(ClientError, match="Could not find requested job"):
        client.describe_transform_job(TransformJobName="gone")
    for job in api.batches.jobs["Transform"].values():
        job.join()
