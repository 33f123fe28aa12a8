"""The table that decides which engine of AWS answers a batch."""

import pytest
from botocore.loaders import Loader

from lading.batch.engine_choice import (
    PROCESSING_FAMILIES,
    TRANSFORM_FAMILIES,
    ServedBy,
    choose_engine,
)
from lading.model_packaging.engines.gpu_drivers import cuda_of

TRITON = "1.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-tritonserver"


def on_gpu(instance: str, cuda: tuple[int, int | None] | None) -> ServedBy:
    return ServedBy(instance, gpu=True, cuda=cuda, archive=True)


@pytest.mark.parametrize(
    ("model", "engine", "reason"),
    [
        (ServedBy(), "map", "a Lambda function answers"),
        (ServedBy("ml.m5.xlarge"), "processing", "archive: true"),
        (ServedBy("ml.g5.xlarge", gpu=True, cuda=(12, 2)), "processing", "archive: true"),
        (ServedBy("ml.m5.xlarge", archive=True), "transform", "has no GPU"),
        (ServedBy("ml.c7i.large", cuda=(13, 0), archive=True), "transform", "has no GPU"),
        (on_gpu("ml.g5.xlarge", (12, 2)), "transform", "CUDA 12.2"),
        (on_gpu("ml.g5.xlarge", (11, 8)), "transform", "CUDA 11.8"),
        (on_gpu("ml.g5.xlarge", (12, 3)), "processing", "up to 12.2 only"),
        (on_gpu("ml.g6e.xlarge", (13, 0)), "processing", "CUDA 13.0"),
        (on_gpu("ml.g5.xlarge", (12, None)), "processing", "CUDA 12,"),
        (on_gpu("ml.g5.xlarge", None), "processing", "is unknown"),
        (on_gpu("ml.p5.48xlarge", (12, 1)), "processing", "has no p5"),
        (ServedBy("ml.r8i.large", archive=True), "processing", "has no r8i"),
    ],
)
def test_the_engine_follows_from_place_instance_and_cuda(
    model: ServedBy, engine: str, reason: str
) -> None:
    chosen = choose_engine(model)
    assert chosen.name == engine
    assert reason in chosen.reason


@pytest.mark.parametrize(
    "model",
    [
        on_gpu("ml.p4d.24xlarge", (12, 1)),
        on_gpu("ml.trn1.2xlarge", None),
        ServedBy("ml.trn1.2xlarge"),
    ],
    ids=["neither", "driver", "files"],
)
def test_an_instance_that_no_engine_has_is_refused(model: ServedBy) -> None:
    with pytest.raises(ValueError, match=r"no batch runs on ml.*batch\.instance: .*g5"):
        choose_engine(model)


@pytest.mark.parametrize(
    ("image", "cuda"),
    [
        (f"{TRITON}:23.10-py3", (12, 0)),
        (f"{TRITON}:23.11-py3", (12, 3)),
        (f"{TRITON}:26.05-py3", (13, 0)),
        ("own:1-cu121", (12, 1)),
        ("own:1-cu12", (12, None)),
        ("own:1-cu128", (12, 8)),
        ("own:1", None),
    ],
)
def test_the_cuda_of_an_image_decides_by_its_minor_version(
    image: str, cuda: tuple[int, int | None] | None
) -> None:
    assert cuda_of(image) == cuda


@pytest.mark.parametrize(
    ("shape", "families"),
    [
        ("TransformInstanceType", TRANSFORM_FAMILIES),
        ("ProcessingInstanceType", PROCESSING_FAMILIES),
    ],
    ids=["transform", "processing"],
)
def test_the_families_are_those_of_the_api(shape: str, families: frozenset[str]) -> None:
    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    assert families == {each.split(".")[1] for each in shapes[shape]["enum"]}
