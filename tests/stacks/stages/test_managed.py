from typing import Any

import pytest
from pydantic import ValidationError

from lading.stacks.stages.managed import ManagedSettings, missing, too_few_vcpus

PLACE = {"instances": ["m7i.large"], "subnets": ["s"], "security_groups": ["g"]}


def settings(**stated: Any) -> ManagedSettings:
    return ManagedSettings.model_validate({**PLACE, **stated})


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"memory_mb": 1769}, "must be from 2048 to 32,768, got 1,769"),
        ({"memory_per_vcpu_gib": 9}, "must be from 2 to 8"),
        ({"concurrency": 1601}, "must be from 1 to 1,600"),
        ({"environments": {"min": 15_001}}, "must be from 0 to 15,000"),
        ({"environments": {"min": 4, "max": 3}}, "max is 3, but environments.min is 4"),
        ({"environments": {"max": 2}}, "max is 2, but environments.min is 3"),
        ({"gpu_memory_gb": 80}, "must be one of 3, 6, 12, 16, 24, 48, got 80"),
        ({"image": f"{'0' * 12}.dkr.ecr.eu-west-1.amazonaws.com/a@sha256:{'0' * 64}"}, "for func"),
        ({"image": "python:3.13", "gpu_memory_gb": 24}, "String should match pattern"),
        ({"provider": "arn:aws:lambda:a:0:capacity-provider:b"}, "provider excludes instances"),
        ({"instances": ["m7i.large", "m7i.large"]}, "contains 'm7i.large' twice"),
    ],
)
def test_what_aws_does_not_accept_is_refused_in_words(stated: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        settings(**stated)


def test_a_request_has_a_vcpu_for_itself_unless_the_stage_says_otherwise() -> None:
    assert (settings().at_once, settings(memory_mb=16_384).at_once) == (1, 4)
    assert settings(memory_mb=16_384, memory_per_vcpu_gib=8).at_once == 2
    assert settings(concurrency=3).at_once == 3
    assert settings(gpu_memory_gb=24).at_once == 8


def test_processes_share_the_processors_and_an_engine_has_all() -> None:
    assert settings(memory_mb=32_768, concurrency=2).threads == 4
    assert settings(memory_mb=32_768, concurrency=32).threads == 1
    assert settings(memory_mb=32_768, gpu_memory_gb=24).threads == 8


@pytest.mark.parametrize("key", ["instances", "subnets", "security_groups"])
def test_what_a_function_needs_is_named(key: str) -> None:
    assert missing(settings(**{key: []})) == key
    assert missing(settings()) is None
    assert missing(settings(instances=["m7i.metal-24xl"])) == "max_vcpus"
    shared = ManagedSettings.model_validate({"provider": "arn:aws:lambda:a:0:capacity-provider:b"})
    assert missing(shared) is None


def test_vcpus_are_enough_for_the_fewest_environments_of_two_versions() -> None:
    assert settings().vcpu_limit == 2 * 3 * 2
    assert settings(instances=["m7i.large", "m7i.4xlarge"]).vcpu_limit == 2 * 3 * 16
    assert settings(environments={"min": 0}).vcpu_limit == 2 * 1 * 2
    assert "but 3 hosts of each of two versions" in too_few_vcpus(settings(max_vcpus=8))
    assert too_few_vcpus(settings(max_vcpus=12)) == ""
