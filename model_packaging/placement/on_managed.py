"""A model on Lambda Managed Instances: which EC2 hosts hold it, and what they cost.

Each concurrent request of an environment has its own process and its own copy of the model, so an
environment has one for each processor if the memory suffices. Hosts always run: at least as many
as environments are kept, and never fewer than one. A model that processors answer too slowly gets
a GPU, whose speed was not measured.
"""

import math

from lading.functions.contract.limits import GATEWAY
from lading.model_packaging.placement.managed_instances import managed_instances
from lading.model_packaging.placement.needs import GIGABYTE, Needs, readable_size
from lading.model_packaging.placement.options import MONTH_HOURS, Option, per_million_calls
from lading.model_packaging.placement.prices import Instance, Prices

HOST_SHARE = 0.9
"""Share of a host's memory for environments; the rest is for the system."""
GPU_SHARE = 0.8
"""Share of a GPU's memory for weights; the rest is for activations."""


def fewest_hosts(environments: int | None) -> int:
    """Return the hosts that run without requests, for a number of environments; None: AWS's."""
    wanted = managed_instances().default_environments if environments is None else environments
    return max(1, wanted)


def refusal(needs: Needs, prices: Prices) -> str:
    """Return why no host can serve the model; empty if one can."""
    reason = needs.refused_by_events()
    if reason:
        return reason
    most = managed_instances().limits["memory_mb"].most
    if needs.memory_mb > most:
        return f"it needs {needs.memory_mb:,} MB of memory, but a function has at most {most:,}"
    if not _able(needs, prices):
        size = readable_size(needs.model_bytes)
        slow = f"an answer takes {needs.answer_ms / 1000:.1f} s on a processor"
        return f"{slow}, and no GPU holds {size}" if _too_slow(needs) else f"no host holds {size}"
    return ""


def option(needs: Needs, prices: Prices, requests: int, environments: int | None = None) -> Option:
    """Choose the cheapest hosts that hold the model.

    Args:
        needs: the model; `refusal` finds no reason against it.
        prices: see `prices.read_prices`.
        requests: the number of requests in a month.
        environments: the environments that are kept; None: AWS's default.
    """
    options = [
        _on(type_, needs, prices, requests, fewest_hosts(environments))
        for type_ in _able(needs, prices)
    ]
    return min(options, key=lambda option: (option.at_rest, option.size))


def _too_slow(needs: Needs) -> bool:
    return needs.answer_ms > GATEWAY.timeout_s * 1000


def _able(needs: Needs, prices: Prices) -> list[str]:
    """Return the instance types that hold the model: with a GPU if processors are too slow."""
    if not _too_slow(needs):
        return [
            type_
            for type_, instance in prices.managed.instances.items()
            if not instance.gpus and _processes(needs, instance) > 0
        ]
    return [
        type_
        for type_, instance in prices.managed.instances.items()
        if instance.gpus
        and instance.gpu_memory / instance.gpus * GPU_SHARE * GIGABYTE >= needs.model_bytes
    ]


def _processes(needs: Needs, instance: Instance) -> int:
    """Return how many copies of the model a host runs: at most one for each processor."""
    room = math.floor(instance.memory * HOST_SHARE * 1024 / needs.memory_mb)
    return min(instance.processors, room)


def _on(type_: str, needs: Needs, prices: Prices, requests: int, fewest: int) -> Option:
    instance = prices.managed.instances[type_]
    at_once = instance.processors if instance.gpus else _processes(needs, instance)
    seconds = requests * needs.answer_ms / 1000 / at_once
    count = max(fewest, math.ceil(seconds / (MONTH_HOURS * 3600)))
    rest = count * instance.hour * (1 + prices.managed.fee) * MONTH_HOURS
    answer = None if instance.gpus else needs.answer_ms
    usage = per_million_calls(prices)
    return Option(
        "lambda-managed", type_, count, answer, rest, usage, requests, answer, fewest=fewest
    )
