import pytest

from lading.stacks.plan.managed import plan_managed
from lading.stacks.stages.settings import Deployment, ModelSettings, Names, StageSettings

PLACE = {"instances": ["g6.xlarge"], "subnets": ["s"], "security_groups": ["g"]}


def deployment(managed: dict[str, object], *, local: bool = False, **stage: str) -> Deployment:
    model = ModelSettings.model_validate({"managed": managed})
    settings = StageSettings.model_validate({"models": {"digits": model}, **stage})
    return Deployment(Names("lading", "dev"), settings, local=local)


def test_what_is_missing_is_named_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"write stages\.dev\.models\.digits\.managed\.instances"):
        plan_managed("digits", deployment({}), None)


def test_too_few_vcpus_are_refused_because_they_cannot_be_mended() -> None:
    with pytest.raises(ValueError, match=r"managed: max_vcpus is 8, but 3 hosts"):
        plan_managed("digits", deployment({**PLACE, "max_vcpus": 8}), None)


def test_a_gpu_needs_x86_64() -> None:
    wanted = {**PLACE, "gpu_memory_gb": 24}
    with pytest.raises(ValueError, match=r"must be x86_64; set stages\.dev\.architecture"):
        plan_managed("digits", deployment(wanted, architecture="arm64"), None)
    assert plan_managed("digits", deployment(wanted), None) is not None


def test_an_emulated_account_has_no_hosts() -> None:
    assert plan_managed("digits", deployment({}, local=True), None) is None


def test_an_image_comes_from_the_region_of_the_function() -> None:
    image = f"000000000000.dkr.ecr.eu-west-1.amazonaws.com/ours@sha256:{'0' * 64}"
    wanted = deployment({**PLACE, "gpu_memory_gb": 24, "image": image})
    assert plan_managed("digits", wanted, "eu-west-1") is not None
    with pytest.raises(ValueError, match="pulls images from its own region, us-east-1; copy 0000"):
        plan_managed("digits", wanted, "us-east-1")
    with pytest.raises(ValueError, match="from its own region, which the stage must state"):
        plan_managed("digits", wanted, None)
