import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.engines.images import TABLES, ImageUnknown, images
from lading.model_packaging.manifest.entries import EngineName, EngineSpec
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.language_models import spec_of
from tests.support.interpreter import ROOT

TRITON = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"
OWN = "123456789012.dkr.ecr.{}.amazonaws.com/mine:1"


def of(engine: EngineName, *regions: str) -> dict[str, str]:
    return images(spec_of(Path("source"), engine), engine, regions)


def own(image: str, *regions: str) -> dict[str, str]:
    engine = EngineSpec("container", image)
    spec = ModelSpec("chat", Path("source"), target="sagemaker", engine=engine)
    return images(spec, "container", regions)


def test_every_published_engine_has_an_image_that_the_sdk_would_give() -> None:
    """What `sagemaker.core.image_uris.retrieve` of version 2.27.0 gave for ml.g5.xlarge."""
    registry = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
    assert {engine: of(engine, "us-east-1")["us-east-1"] for engine in TABLES} == {
        "triton": f"{registry}/sagemaker-tritonserver:26.05-py3",
        "vllm": f"{registry}/vllm:server-sagemaker-cuda-v2.6",
        "djl-lmi": f"{registry}/djl-inference:0.38.0-lmi29.0.0-cu130",
    }


def test_a_region_has_its_own_registry_and_its_partitions_host() -> None:
    found = of("djl-lmi", "il-central-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1")
    assert [image.partition("/")[0] for image in found.values()] == [
        "780543022126.dkr.ecr.il-central-1.amazonaws.com",
        "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com",
        "204133271717.dkr.ecr.eusc-de-east-1.amazonaws.eu",
    ]


def test_no_region_asked_for_is_no_image() -> None:
    assert of("triton") == {}


def test_a_region_without_an_image_is_one_clear_error() -> None:
    with pytest.raises(ImageUnknown, match=r"triton for cn-north-1: AWS publishes none there"):
        of("triton", "eu-west-1", "cn-north-1")


@pytest.mark.parametrize("region", ["", "europe", "eu-west-1; rm", "EU-WEST-1"])
def test_what_is_no_region_is_one_clear_error(region: str) -> None:
    with pytest.raises(ImageUnknown, match=r"not the name of a region.*engine\.image"):
        of("triton", region)


def test_an_image_of_ones_own_has_the_region_filled_in() -> None:
    template = OWN.format("{region}")
    assert own(template, "eu-west-1", "us-east-1") == {
        region: OWN.format(region) for region in ("eu-west-1", "us-east-1")
    }


def test_an_image_of_another_region_is_refused() -> None:
    image = OWN.format("eu-west-1")
    assert own(image, "eu-west-1") == {"eu-west-1": image}
    with pytest.raises(ImageUnknown, match=r"is in eu-west-1; write \{region\} in place of"):
        own(image, "us-east-1")


def test_an_image_of_another_registry_stands_as_it_is() -> None:
    assert own("registry.example.com/mine:1", "eu-west-1") == {
        "eu-west-1": "registry.example.com/mine:1"
    }


def test_only_the_tables_are_read_and_nothing_of_the_sdk_is_imported() -> None:
    script = (
        "import sys; from pathlib import Path; "
        "from lading.model_packaging.engines.images import images; "
        "from lading.model_packaging.manifest.models import ModelSpec; "
        "print(images(ModelSpec('m', Path('m')), 'triton', ['eu-west-1'])['eu-west-1'], "
        "[name for name in sys.modules if name.startswith(('sagemaker', 'boto'))])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == f"{TRITON} []"


WITHOUT_TABLES = """
from pathlib import Path
from lading.model_packaging.engines import images
from lading.model_packaging.manifest.models import ModelSpec
images.DISTRIBUTION = "a-distribution-that-is-not-installed"
try:
    images.images(ModelSpec("m", Path("m")), "vllm", ["eu-west-1"])
except Exception as error:
    print(error)
"""


def test_without_the_tables_it_says_what_to_install() -> None:
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT_TABLES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pip install --no-deps -r requirements/sagemaker-images.txt" in found.stdout
    assert "or give models.m.engine.image" in found.stdout
