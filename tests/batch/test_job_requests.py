"""The requests that start jobs, beside what the API accepts."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

from lading.batch.job_requests import DeployedEngine, JobPlan, processing_request, transform_request

ENGINE = DeployedEngine(
    version=1,
    model="num-1",
    role="arn:aws:iam::000000000000:role/num",
    image="1.dkr.ecr.eu-west-1.amazonaws.com/triton:1",
    files="s3://b/model.tar.gz",
    environment={"A": "1"},
    instance="ml.g5.xlarge",
    gpu=True,
    count=2,
    subnets=["subnet-0a1b2c3d"],
    security_groups=["sg-0a1b2c3d"],
    volume_key="key",
)
PLAN = JobPlan(
    name="job-1",
    engine=ENGINE,
    manifest="s3://b/jobs/job-1.manifest",
    content_type="application/json",
    largest=3 << 20,
    answers="s3://b/answers/",
    script="s3://b/code/",
)
API = Loader().load_service_model("sagemaker", "service-2")
SHAPES = API["shapes"]


@pytest.mark.parametrize(
    ("request_", "operation"),
    [
        (transform_request(PLAN), "CreateTransformJob"),
        (processing_request(PLAN), "CreateProcessingJob"),
    ],
    ids=["transform", "processing"],
)
def test_the_api_accepts_the_request(request_: dict[str, Any], operation: str) -> None:
    shape = ServiceModel(API).operation_model(operation).input_shape
    assert shape is not None
    validate_parameters(request_, shape)


def test_instances_with_gpus_get_the_newest_driver_and_others_none() -> None:
    ami = transform_request(PLAN)["TransformResources"]["TransformAmiVersion"]
    assert ami == "al2-ami-sagemaker-batch-gpu-535"
    resources = SHAPES["TransformResources"]["members"]
    assert ami in resources["TransformAmiVersion"]["documentation"]
    on_processors = replace(PLAN, engine=replace(ENGINE, instance="ml.m5.large", gpu=False))
    assert "TransformAmiVersion" not in transform_request(on_processors)["TransformResources"]


@pytest.mark.parametrize(
    ("largest", "megabytes", "together"), [(2, 1, 8), (3 << 20, 3, 8), (20 << 20, 20, 5)]
)
def test_requests_under_way_have_at_most_100_megabytes(
    largest: int, megabytes: int, together: int
) -> None:
    request = transform_request(replace(PLAN, largest=largest))
    assert (request["MaxPayloadInMB"], request["MaxConcurrentTransforms"]) == (megabytes, together)
    assert megabytes * together <= 100
