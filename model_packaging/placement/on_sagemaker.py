"""A model on SageMaker: the cheapest instances whose GPUs hold it, and what they cost."""

import math

from lading.model_packaging.placement.needs import GIGABYTE, Needs, readable_size
from lading.model_packaging.placement.options import MONTH_HOURS, Option, per_million_calls
from lading.model_packaging.placement.prices import Prices

PROXY_MS, PROXY_GB = 10.0, 0.5
"""Time and memory of the proxy function, without waiting for the engine."""
_GPU_SHARE = 0.8
"""Share of a GPU's memory for weights; the rest is for activations."""


def refusal(needs: Needs, prices: Prices) -> str:
    """Return why no instance can serve the model; empty if one can."""
    if _smallest(needs, prices) is not None:
        return ""
    return f"no instance has enough GPU memory for {readable_size(needs.model_bytes)}"


def option(needs: Needs, prices: Prices, requests: int) -> Option:
    """Instances that never sleep, with the proxy function in front of them.

    Their number is computed from the speed of their processors; a GPU is faster, but by how much
    was not measured. A model without measurements gets one instance.
    """
    type_ = _smallest(needs, prices)
    assert type_ is not None
    instance = prices.sagemaker[type_]
    seconds = requests * needs.one_processor_ms / 1000 / instance.processors
    count = max(1, math.ceil(seconds / (MONTH_HOURS * 3600)))
    usage = per_million_calls(prices) + PROXY_MS * 1000 * PROXY_GB * prices.lambda_.gb_second
    rest = count * instance.hour * MONTH_HOURS
    return Option("sagemaker", type_, count, None, rest, usage, requests)


def _smallest(needs: Needs, prices: Prices) -> str | None:
    """Return the cheapest instance type whose GPUs hold the model."""
    able = {
        type_: instance.hour
        for type_, instance in prices.sagemaker.items()
        if instance.gpu_memory * _GPU_SHARE * GIGABYTE >= needs.model_bytes
    }
    return min(able, key=lambda type_: able[type_], default=None)
