"""AWS's limits of managed instances, against the service description of its API."""

import pytest
from botocore.session import get_session

from lading.model_packaging.placement.managed_instances import managed_instances
from lading.model_packaging.placement.prices import read_prices

SHAPES = {
    "concurrency": ("PerExecutionEnvironmentMaxConcurrency", "min", "max"),
    "memory_per_vcpu_gib": ("ExecutionEnvironmentMemoryGiBPerVCpu", "min", "max"),
    "environments": ("FunctionScalingConfigExecutionEnvironments", "min", "max"),
    "vcpus": ("CapacityProviderMaxVCpuCount", "min", "max"),
    "subnets": ("CapacityProviderSubnetIds", "min", "max"),
    "security_groups": ("CapacityProviderSecurityGroupIds", "min", "max"),
}


@pytest.mark.parametrize("setting", SHAPES)
def test_a_limit_is_that_of_the_service(setting: str) -> None:
    name, least, most = SHAPES[setting]
    metadata = get_session().get_service_model("lambda").shape_for(name).metadata
    limit = managed_instances().limits[setting]
    assert (limit.least, limit.most) == (metadata[least], metadata[most])


def test_the_most_memory_is_that_of_the_service() -> None:
    metadata = get_session().get_service_model("lambda").shape_for("MemorySize").metadata
    assert managed_instances().limits["memory_mb"].most == metadata["max"]


def test_every_limit_and_rule_has_its_source() -> None:
    table = managed_instances()
    assert all(limit.source for limit in table.limits.values())
    assert all(rule and source for rule, source in table.rules.values())


def test_a_value_outside_a_limit_is_refused_in_words() -> None:
    assert managed_instances().refuse("memory_mb", 2048) == ""
    refusal = managed_instances().refuse("memory_mb", 1769)
    assert refusal == "must be from 2048 to 32,768, got 1,769"


def test_every_gpu_size_is_on_a_host_with_a_price() -> None:
    gpus = [it for it in read_prices().managed.instances.values() if it.gpus]
    largest = max(it.gpu_memory / it.gpus for it in gpus)
    assert max(managed_instances().gpu_memory_gb) == largest
