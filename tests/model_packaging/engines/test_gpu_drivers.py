"""Which GPU driver an image needs on SageMaker."""

from pathlib import Path

import pytest
from botocore.loaders import Loader

from lading.model_packaging.engines.gpu_drivers import CUDA_12_AMI, CUDA_13_AMI, fitting_ami
from lading.model_packaging.engines.images import TABLES, images
from lading.model_packaging.manifest.models import ModelSpec

REGISTRY = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "ami"),
    [
        ("djl-inference:0.38.0-lmi29.0.0-cu130", CUDA_13_AMI),
        ("djl-inference:0.35.0-lmi17.0.0-cu128", CUDA_12_AMI),
        ("vllm:0.14.0-gpu-py312-cu129-ubuntu22.04-sagemaker", CUDA_12_AMI),
        ("own:1-cuda13", CUDA_13_AMI),
        ("sagemaker-tritonserver:26.05-py3", CUDA_13_AMI),
        ("sagemaker-tritonserver:25.08-py3", CUDA_13_AMI),
        ("sagemaker-tritonserver:25.04-py3", CUDA_12_AMI),
        ("sagemaker-tritonserver:22.12-py3", None),
        ("vllm:server-sagemaker-cuda-v2.6", CUDA_13_AMI),
        ("vllm:server-sagemaker-cuda-v2", CUDA_13_AMI),
        ("vllm:server-sagemaker-cuda-v1.3", CUDA_12_AMI),
        ("vllm:0.14.0-gpu-py312", None),
        ("own:26.05-py3", None),
        ("own:cu118", None),
        ("own:focus130", None),
        ("own", None),
        (f"own@sha256:{'1' * 64}", None),
        (f"own:1-cu130@sha256:{'1' * 64}", CUDA_13_AMI),
    ],
)
def test_an_image_gets_the_driver_of_the_cuda_that_it_states(image: str, ami: str | None) -> None:
    assert fitting_ami(f"{REGISTRY}/{image}") == ami


def test_every_image_that_aws_publishes_for_an_engine_states_its_cuda() -> None:
    for engine in TABLES:
        found = images(ModelSpec("m", Path("m")), engine, ["eu-west-1"])
        assert fitting_ami(found["eu-west-1"]), found


def test_sagemaker_knows_both_amis() -> None:
    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    known = shapes["ProductionVariantInferenceAmiVersion"]["enum"]
    assert {CUDA_12_AMI, CUDA_13_AMI} <= set(known)
