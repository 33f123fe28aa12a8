"""Which GPU driver an endpoint's instances start with, and what is only warned of."""

from dataclasses import replace
from typing import Any

import pytest
from aws_cdk.assertions import Annotations, Match, Template
from botocore.loaders import Loader

from lading.model_packaging.engines.gpu_drivers import CUDA_12_AMI, CUDA_13_AMI
from lading.stacks.endpoint.gpu_ami import RUNS_ON, choose_ami
from tests.stacks.endpoints import PLANNED, endpoint_stack
from tests.stacks.synthesis import only

NEURON = "al2-ami-sagemaker-inference-neuron-2"


def synthesised(ami: str | None, *instances: str, **settings: Any) -> tuple[Any, list[str]]:
    """The AMI in the template of an endpoint whose image needs `ami`, and the warnings."""
    stack = endpoint_stack(replace(PLANNED, ami=ami), instances=instances, **settings)
    config = only(Template.from_stack(stack), "AWS::SageMaker::EndpointConfig")
    (variant,) = config["Properties"]["ProductionVariants"]
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return variant.get("InferenceAmiVersion"), [str(entry.entry.data) for entry in found]


@pytest.mark.parametrize("ami", [CUDA_12_AMI, CUDA_13_AMI])
def test_gpu_instances_start_with_the_driver_that_the_image_needs(ami: str) -> None:
    assert synthesised(ami, "ml.g5.xlarge", "ml.g6.xlarge") == (ami, [])


def test_instances_without_gpus_start_with_the_default_whatever_the_image() -> None:
    assert synthesised(CUDA_13_AMI, "ml.m5.xlarge") == (None, [])
    assert synthesised(None, "ml.c7i.xlarge") == (None, [])


@pytest.mark.parametrize(
    ("ami", "instances", "told"),
    [
        (None, ("ml.g5.xlarge",), "package the model again, or set sagemaker.inference_ami"),
        (CUDA_12_AMI, ("ml.g7e.2xlarge",), "not known to start on ml.g7e.2xlarge; set sagemaker"),
        (CUDA_13_AMI, ("ml.g5.xlarge", "ml.g7.2xlarge"), "start on ml.g7.2xlarge; set"),
        (CUDA_13_AMI, ("ml.g5.xlarge", "ml.m5.xlarge"), "start on ml.m5.xlarge; set"),
        ("an-ami-of-later", ("ml.g5.xlarge",), "start on ml.g5.xlarge; set"),
    ],
)
def test_what_is_not_known_to_fit_is_a_warning_that_asks_for_the_setting(
    ami: str | None, instances: tuple[str, ...], told: str
) -> None:
    found, (warning,) = synthesised(ami, *instances)
    assert found is None
    assert told in warning


def test_the_stages_own_setting_wins() -> None:
    instances = ("ml.g7.2xlarge",)
    assert synthesised(CUDA_12_AMI, *instances, inference_ami=CUDA_13_AMI) == (CUDA_13_AMI, [])
    assert choose_ami(("ml.inf2.xlarge",), None, NEURON) == (NEURON, "")


def test_a_setting_with_an_older_cuda_than_the_images_is_warned_of() -> None:
    found, (warning,) = synthesised(CUDA_13_AMI, "ml.g5.xlarge", inference_ami=CUDA_12_AMI)
    assert found == CUDA_12_AMI
    assert f"{CUDA_13_AMI} fits it" in warning


def test_the_table_has_every_ami_that_packaging_writes() -> None:
    assert RUNS_ON.keys() == {CUDA_12_AMI, CUDA_13_AMI}


def test_sagemaker_knows_every_family_of_the_table() -> None:
    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    known = {name.split(".")[1] for name in shapes["ProductionVariantInstanceType"]["enum"]}
    assert set().union(*RUNS_ON.values()) <= known
