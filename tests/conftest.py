"""For all tests: an S3 server for those that ask for it, and hypothesis without a clock."""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from hypothesis import settings

from tests.support.s3 import aws, running

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before any test imports onnxruntime

# Before any test imports a framework: each waits for its threads in a loop, so two processes of
# tests on two processors took eight times the processor time for XGBoost's.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell has its background jobs ignore Ctrl-C, which the programs that tests interrupt inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("lading", deadline=None)  # what takes how long says the machine's load
settings.load_profile("lading")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first: a long file at the end leaves one processor idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@dataclass(frozen=True)
class Bucket:
    """An empty, versioned bucket, while the environment leads there."""

    name: str
    client: "S3Client"

    @property
    def address(self) -> str:
        return f"s3://{self.name}/some/prefix"

    def keys(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [each["Key"] for each in found]


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture(scope="session")
def s3_client(s3_url: str) -> Iterator["S3Client"]:
    with aws(s3_url), closing(boto3.session.Session().client("s3")) as client:
        yield client


@pytest.fixture
def bucket(s3_url: str, s3_client: "S3Client") -> Iterator[Bucket]:
    name = f"lading-{uuid.uuid4().hex}"
    s3_client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    s3_client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    with aws(s3_url):
        yield Bucket(name, s3_client)
