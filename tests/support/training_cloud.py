"""An AWS for trainings: moto's S3, and the emulated training API with jobs that really run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from lading.emulator.sagemaker.training import TrainingApi
from lading.emulator.sagemaker.training_bucket import S3Bucket
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving

BUCKET = "training"
WORK = f"s3://{BUCKET}/work"
ROLE = "arn:aws:iam::000000000000:role/training"


@dataclass(frozen=True)
class TrainingCloud:
    """The emulated API, and a client of its S3."""

    api: TrainingApi
    s3: Any
    url: str

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
        return {
            each["Key"]: self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
            for each in listed
        }


@contextmanager
def training_cloud(s3_url: str, folder: Path) -> Iterator[TrainingCloud]:
    """The environment of somebody whose S3 is at this address, and whose SageMaker is ours."""
    with aws(s3_url):
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        api = TrainingApi(folder, S3Bucket(s3), {"PATH": os.defpath})
        with uvicorn_serving(api) as address:
            os.environ["AWS_ENDPOINT_URL_SAGEMAKER"] = f"http://{address}"
            os.environ["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] = f"http://{address}"
            try:
                yield TrainingCloud(api, s3, f"http://{address}")
            finally:
                api.stop()
                for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
                    s3.delete_object(Bucket=BUCKET, Key=each["Key"])
                s3.delete_bucket(Bucket=BUCKET)
