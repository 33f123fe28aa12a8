"""Chooses where to serve a model, on Lambda if it fits there, else on SageMaker, and what it costs.

The module is pure: it gets the measurements of packaging and the prices, and reads nothing. The
needs on Lambda are estimated from one processor of the packaging machine: a function with 1,769 MB
of memory has one processor, with less memory a part of one. docs/large-models.md has the limits of
the estimate.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lading.functions.contract.limits import GATEWAY, LAMBDA, MEGABYTE
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.placement.prices import Prices

Target = Literal["lambda", "sagemaker"]

GIGABYTE = 1 << 30
MEMORIES = (512, 1_024, LAMBDA.processor_mb, *range(3_072, LAMBDA.most_memory_mb + 1, 1_024))
"""Memory sizes of a function that are compared, in MB."""
_MOST_PAYLOAD = LAMBDA.request_bytes * 3 // 4
"""Of a request and of its answer, before they are encoded in base64."""

MONTH_HOURS = 730
MILLION = 1_000_000

SERVICE_MS = 1.0
"""Time of the service itself on one processor, without the model."""
PROXY_MS, PROXY_GB = 10.0, 0.5
"""Time and memory of the proxy function, without waiting for the engine."""
_SPARE = 1.3
"""Factor on the measured memory, for larger requests."""
_SERVICE_BYTES = 64 * MEGABYTE
_GPU_SHARE = 0.8
"""Share of a GPU's memory for weights; the rest is for activations."""
_DEARER = 1.1
"""Factor on the lowest price that a faster answer may cost."""


class DoesNotFit(PackagingError):
    """The model is too large or too slow for its target; nothing is published."""

    def __init__(self, model: str, target: str, reason: str, advice: str) -> None:
        super().__init__(f"model '{model}' does not fit {target}: {reason}; {advice}")
        self.model, self.target, self.reason, self.advice = model, target, reason, advice


@dataclass(frozen=True, slots=True)
class Needs:
    """The measurements of a model.

    Args:
        name: the model.
        model_bytes: the size of the loaded files.
        converted: whether it is an ONNX model, which Lambda could run; only then are the other
            figures known.
        peak_bytes: memory of a process that serves it.
        one_processor_ms: time of one request on one processor.
        request_bytes: the size of the arrays of that request and its answer.
    """

    name: str
    model_bytes: int
    converted: bool = True
    peak_bytes: int = 0
    one_processor_ms: float = 0.0
    request_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve a model, in dollars.

    Args:
        target: where.
        size: MB of memory (`1769 MB`), or an instance type.
        instances: how many are needed for the requests; 1 on Lambda.
        answers_ms: estimated time of an answer; None if unknown.
        at_rest: price of a month without requests.
        usage: price of a million requests on top of that.
        requests: the number of requests in a month.
    """

    target: Target
    size: str
    instances: int
    answers_ms: float | None
    at_rest: float
    usage: float
    requests: int

    @property
    def per_million(self) -> float:
        """Price of a million requests, with their share of the month."""
        return self.usage + self.at_rest * MILLION / self.requests

    def to_json(self) -> dict[str, Any]:
        """For `lading plan --json`: milliseconds, and dollars rounded to cents."""
        answers = None if self.answers_ms is None else round(self.answers_ms, 2)
        return {
            "target": self.target,
            "size": self.size,
            "instances": self.instances,
            "answers_ms": answers,
            "per_million_usd": round(self.per_million, 2),
            "at_rest_usd_a_month": round(self.at_rest, 2),
        }


@dataclass(frozen=True, slots=True)
class Placement:
    """The chosen target of a model, and the alternatives.

    `why` is the reason; `refused` has the reason for each target that cannot serve the model.
    `break_even` is the number of requests in a month from which one instance that never sleeps
    is as cheap as Lambda; None when only one of them can serve the model.
    """

    name: str
    chosen: Option
    why: str
    options: tuple[Option, ...]
    refused: Mapping[Target, str]
    break_even: int | None


def place(needs: Needs, prices: Prices, requests: int = MILLION) -> Placement:
    """Choose Lambda if the model fits there, else the cheapest instance that holds it.

    Args:
        needs: the model.
        prices: see `prices.read_prices`.
        requests: the number of requests in a month, for the costs.

    Raises:
        DoesNotFit: no target can serve it.
    """
    refused: dict[Target, str] = {}
    options: list[Option] = []
    reason = _refused_by_lambda(needs)
    if reason:
        refused["lambda"] = reason
    else:
        options.append(_function(needs, prices, requests))
    type_ = _smallest_instance(needs, prices)
    if type_ is None:
        refused["sagemaker"] = f"no instance has enough GPU memory for {_size(needs.model_bytes)}"
    else:
        options.append(_endpoint(needs, prices, requests, type_))
    if not options:
        reasons = "; ".join(f"{target}: {why}" for target, why in refused.items())
        raise DoesNotFit(needs.name, "any target", reasons, "quantize it, or use a smaller model")
    why = reason or f"it fits: {_why(needs)}"
    break_even = _break_even(*options) if len(options) > 1 else None
    return Placement(needs.name, options[0], why, tuple(options), refused, break_even)


def require_fits(placement: Placement, target: Target) -> Option:
    """Return the option for the target that the manifest sets, if it can serve the model.

    Raises:
        DoesNotFit: it cannot; the text names the target that can.
    """
    if target in placement.refused:
        other = placement.chosen
        advice = f"set models.{placement.name}.target: {other.target}, with {other.size}"
        raise DoesNotFit(placement.name, target, placement.refused[target], advice)
    return next(option for option in placement.options if option.target == target)


def needed_memory(needs: Needs) -> int:
    """Return the MB of memory that a function needs to serve the model."""
    return math.ceil((needs.peak_bytes * _SPARE + _SERVICE_BYTES) / MEGABYTE)


def lambda_ms(needs: Needs, memory: int) -> float:
    """Estimate the time of one answer from a function with this memory."""
    slower = max(1.0, LAMBDA.processor_mb / memory)
    return (needs.one_processor_ms + SERVICE_MS) * slower


def _refused_by_lambda(needs: Needs) -> str:
    """Return why Lambda cannot serve the model; empty if it can."""
    if not needs.converted:
        return "its engine runs in a SageMaker container"
    if needed_memory(needs) > LAMBDA.most_memory_mb:
        needed = f"{needed_memory(needs):,} MB of memory"
        return f"it needs {needed}, but a function has at most {LAMBDA.most_memory_mb:,}"
    if needs.request_bytes > _MOST_PAYLOAD:
        size, limit = _size(needs.request_bytes), LAMBDA.request_bytes // MEGABYTE
        return f"one request and its answer have {size}, over {limit} MB encoded"
    slowest = lambda_ms(needs, LAMBDA.processor_mb)
    if slowest > GATEWAY.timeout_s * 1000:
        return f"an answer takes {slowest / 1000:.1f} s, the API waits {GATEWAY.timeout_s}"
    return ""


def _why(needs: Needs) -> str:
    layer = (
        "in a layer"
        if needs.model_bytes <= LAMBDA.artifact_bytes
        else "loaded from S3 at the start"
    )
    return f"{_size(needs.model_bytes)} {layer}, {needed_memory(needs):,} MB of memory"


def _function(needs: Needs, prices: Prices, requests: int) -> Option:
    """Choose the cheapest memory that holds the model, or a faster one for little more."""
    able = [each for each in MEMORIES if each >= needed_memory(needs)]
    options = [_of_memory(needs, prices, requests, each) for each in able]
    dearest = min(option.usage for option in options) * _DEARER
    return min(
        (option for option in options if option.usage <= dearest),
        key=lambda option: (option.answers_ms, option.usage),
    )


def _of_memory(needs: Needs, prices: Prices, requests: int, memory: int) -> Option:
    answer, gigabytes = lambda_ms(needs, memory), memory / 1024
    seconds = math.ceil(answer) / 1000 * MILLION
    usage = _per_request(prices) + seconds * gigabytes * prices.lambda_.gb_second
    rest = gigabytes * MONTH_HOURS * 3600 * prices.lambda_.snapshot_gb_second
    return Option("lambda", f"{memory} MB", 1, answer, rest, usage, requests)


def _smallest_instance(needs: Needs, prices: Prices) -> str | None:
    """Return the cheapest instance type whose GPUs hold the model."""
    able = {
        type_: instance.hour
        for type_, instance in prices.sagemaker.items()
        if instance.gpu_memory * _GPU_SHARE * GIGABYTE >= needs.model_bytes
    }
    return min(able, key=lambda type_: able[type_], default=None)


def _endpoint(needs: Needs, prices: Prices, requests: int, type_: str) -> Option:
    """Instances that never sleep, with the proxy function in front of them.

    Their number is computed from the speed of their processors; a GPU is faster, but by how much
    was not measured. A model without measurements gets one instance.
    """
    instance = prices.sagemaker[type_]
    seconds = requests * needs.one_processor_ms / 1000 / instance.processors
    count = max(1, math.ceil(seconds / (MONTH_HOURS * 3600)))
    usage = _per_request(prices) + PROXY_MS * 1000 * PROXY_GB * prices.lambda_.gb_second
    rest = count * instance.hour * MONTH_HOURS
    return Option("sagemaker", type_, count, None, rest, usage, requests)


def _per_request(prices: Prices) -> float:
    """Return the price of a million requests to the API and a function, without its run time."""
    return prices.api.requests_per_million + prices.lambda_.requests_per_million


def _break_even(function: Option, endpoint: Option) -> int | None:
    """Return the requests per month from which one instance costs as much as Lambda, or None."""
    saved = function.usage - endpoint.usage
    if saved <= 0:
        return None
    return math.ceil((endpoint.at_rest / endpoint.instances - function.at_rest) / saved * MILLION)


def _size(count: int) -> str:
    """Format a size as AWS counts its limits: a kilobyte has 1024 bytes."""
    for unit, name in ((GIGABYTE, "GB"), (MEGABYTE, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1024:.1f} KB"
