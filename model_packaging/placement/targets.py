"""Where a model is served: on Lambda when it fits there, else on SageMaker; and what that costs.

Pure: it takes what packaging measured and a file of prices, and reads nothing. What Lambda needs is
estimated from one processor of the machine that packaged: 1,769 MB of memory bring one processor,
less memory a part of one. docs/large-models.md says how far to trust that.
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
"""What the service itself takes of one processor, beside the model."""
PROXY_MS, PROXY_GB = 10.0, 0.5
"""Time and memory of the function before an endpoint; it waits for as long as the engine takes."""
_SPARE = 1.3
"""So much more memory than was needs, for larger requests."""
_SERVICE_BYTES = 64 * MEGABYTE
_GPU_SHARE = 0.8
"""Of a GPU's memory that weights may take; the rest is for what is worked on."""
_DEARER = 1.1
"""So much more may be paid for a quicker answer."""


class DoesNotFit(PackagingError):
    """The model is too large, or too slow, for its target; nothing is published."""

    def __init__(self, model: str, target: str, reason: str, advice: str) -> None:
        super().__init__(f"model '{model}' does not fit {target}: {reason}; {advice}")
        self.model, self.target, self.reason, self.advice = model, target, reason, advice


@dataclass(frozen=True, slots=True)
class Needs:
    """What packaging knows of a model.

    Args:
        name: the model.
        model_bytes: size of what is loaded.
        converted: it is an ONNX model, which Lambda could run; the rest was measured then.
        peak_bytes: memory of a process that serves it.
        one_processor_ms: time of one request on one processor.
        request_bytes: that request's arrays and its answer's.
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
        instances: how many for the requests asked for; 1 on Lambda.
        answers_ms: an estimate; None when nothing tells.
        at_rest: a month, whether anything is asked or not.
        asked: what a million requests cost on top of that.
        requests: how many a month it is looked at for.
    """

    target: Target
    size: str
    instances: int
    answers_ms: float | None
    at_rest: float
    asked: float
    requests: int

    @property
    def per_million(self) -> float:
        """A million requests with their share of the month."""
        return self.asked + self.at_rest * MILLION / self.requests

    def to_json(self) -> dict[str, Any]:
        """For `lading plan --json`: milliseconds, and dollars in cents."""
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
    """Where a model goes, and what else there is.

    `why` is the reason; `refused` says of a target that cannot serve the model why. `break_even` is
    how many requests a month make one instance that never sleeps as cheap as Lambda; None when only
    one of them can serve the model.
    """

    name: str
    chosen: Option
    why: str
    options: tuple[Option, ...]
    refused: Mapping[Target, str]
    break_even: int | None


def place(needs: Needs, prices: Prices, requests: int = MILLION) -> Placement:
    """Choose Lambda when the model fits there, else the cheapest instance that holds it.

    Args:
        needs: the model.
        prices: see `prices.read_prices`.
        requests: of a month; costs are told for so many.

    Raises:
        DoesNotFit: it fits nowhere.
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
        refused["sagemaker"] = f"no instance has GPU memory for {_size(needs.model_bytes)}"
    else:
        options.append(_endpoint(needs, prices, requests, type_))
    if not options:
        reasons = "; ".join(f"{target}: {why}" for target, why in refused.items())
        raise DoesNotFit(needs.name, "any target", reasons, "quantise it, or take a smaller one")
    why = reason or f"it fits: {_why(needs)}"
    break_even = _break_even(*options) if len(options) > 1 else None
    return Placement(needs.name, options[0], why, tuple(options), refused, break_even)


def require_fits(placement: Placement, target: Target) -> Option:
    """The target that the manifest insists on, if it can serve the model.

    Raises:
        DoesNotFit: with what fits instead.
    """
    if target in placement.refused:
        other = placement.chosen
        advice = f"set models.{placement.name}.target: {other.target}, which takes {other.size}"
        raise DoesNotFit(placement.name, target, placement.refused[target], advice)
    return next(option for option in placement.options if option.target == target)


def needed_memory(needs: Needs) -> int:
    """MB of memory that a function needs to serve the model."""
    return math.ceil((needs.peak_bytes * _SPARE + _SERVICE_BYTES) / MEGABYTE)


def lambda_ms(needs: Needs, memory: int) -> float:
    """Estimate of one answer of a function of so much memory, on one processor or a part of it."""
    slower = max(1.0, LAMBDA.processor_mb / memory)
    return (needs.one_processor_ms + SERVICE_MS) * slower


def _refused_by_lambda(needs: Needs) -> str:
    """Why Lambda cannot serve the model; empty when it can."""
    if not needs.converted:
        return "its engine runs in a container of SageMaker's"
    if needed_memory(needs) > LAMBDA.most_memory_mb:
        needed = f"{needed_memory(needs):,} MB of memory"
        return f"it needs {needed}, a function has at most {LAMBDA.most_memory_mb:,}"
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
        else "loaded from S3 at its start"
    )
    return f"{_size(needs.model_bytes)} {layer}, {needed_memory(needs):,} MB of memory"


def _function(needs: Needs, prices: Prices, requests: int) -> Option:
    """The cheapest memory that holds the model, or a quicker one that costs hardly more."""
    able = [each for each in MEMORIES if each >= needed_memory(needs)]
    options = [_of_memory(needs, prices, requests, each) for each in able]
    dearest = min(option.asked for option in options) * _DEARER
    return min(
        (option for option in options if option.asked <= dearest),
        key=lambda option: (option.answers_ms, option.asked),
    )


def _of_memory(needs: Needs, prices: Prices, requests: int, memory: int) -> Option:
    answer, gigabytes = lambda_ms(needs, memory), memory / 1024
    seconds = math.ceil(answer) / 1000 * MILLION
    asked = _per_request(prices) + seconds * gigabytes * prices.lambda_.gb_second
    rest = gigabytes * MONTH_HOURS * 3600 * prices.lambda_.snapshot_gb_second
    return Option("lambda", f"{memory} MB", 1, answer, rest, asked, requests)


def _smallest_instance(needs: Needs, prices: Prices) -> str | None:
    """The cheapest type of instance whose GPUs hold the model."""
    able = {
        type_: instance.hour
        for type_, instance in prices.sagemaker.items()
        if instance.gpu_memory * _GPU_SHARE * GIGABYTE >= needs.model_bytes
    }
    return min(able, key=lambda type_: able[type_], default=None)


def _endpoint(needs: Needs, prices: Prices, requests: int, type_: str) -> Option:
    """Instances that never sleep, with the function before them.

    How many follows from what their processors would do: a GPU does more, and how much more was
    not measured. A model that was not measured is counted with one.
    """
    instance = prices.sagemaker[type_]
    seconds = requests * needs.one_processor_ms / 1000 / instance.processors
    count = max(1, math.ceil(seconds / (MONTH_HOURS * 3600)))
    asked = _per_request(prices) + PROXY_MS * 1000 * PROXY_GB * prices.lambda_.gb_second
    rest = count * instance.hour * MONTH_HOURS
    return Option("sagemaker", type_, count, None, rest, asked, requests)


def _per_request(prices: Prices) -> float:
    """A million requests to the API and to a function, without the function's time."""
    return prices.api.requests_per_million + prices.lambda_.requests_per_million


def _break_even(function: Option, endpoint: Option) -> int | None:
    """Requests a month at which one instance costs what Lambda does; None when it never does."""
    saved = function.asked - endpoint.asked
    if saved <= 0:
        return None
    return math.ceil((endpoint.at_rest / endpoint.instances - function.at_rest) / saved * MILLION)


def _size(count: int) -> str:
    """As AWS counts its limits: a kilobyte has 1024 bytes."""
    for unit, name in ((GIGABYTE, "GB"), (MEGABYTE, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1024:.1f} KB"
