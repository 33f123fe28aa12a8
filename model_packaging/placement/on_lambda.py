"""A model on Lambda: whether it fits, which memory it gets, and what that costs."""

import math

from lading.functions.contract.limits import GATEWAY, LAMBDA, MEGABYTE
from lading.functions.inference.artifact.specification import TORCHSCRIPT
from lading.model_packaging.manifest.script import ONLY_A_CONTAINER
from lading.model_packaging.placement.needs import Needs, readable_size
from lading.model_packaging.placement.options import MILLION, MONTH_HOURS, Option, per_million_calls
from lading.model_packaging.placement.prices import Prices

MEMORIES = (512, 1_024, LAMBDA.processor_mb, *range(3_072, LAMBDA.most_memory_mb + 1, 1_024))
"""Memory sizes of a function that are compared, in MB."""
_DEARER = 1.1
"""Factor on the lowest price that a faster answer may cost."""
_START_MS = 340.0
"""Time of Lambda's runtime and of the imports before a model loads; benchmarks/README.md has the
measured parts."""
_CODE_BYTES = 80 * MEGABYTE
"""The runtime layer and the functions' code, about; the deployment measures what it built."""
_VERIFIED_MS = 0.56 / MEGABYTE
"""Time to compute SHA-256 over one byte."""


def lambda_ms(needs: Needs, memory: int) -> float:
    """Estimate the time of one answer from a function with this memory."""
    return needs.answer_ms * _slower(memory)


def refusal(needs: Needs) -> str:
    """Return why Lambda cannot serve the model; empty if it can."""
    reason = needs.refused_by_events()
    if reason:
        return reason
    if needs.memory_mb > LAMBDA.most_memory_mb:
        needed = f"{needs.memory_mb:,} MB of memory"
        return f"it needs {needed}, but a function has at most {LAMBDA.most_memory_mb:,}"
    if needs.runtime == TORCHSCRIPT:
        return f"it {ONLY_A_CONTAINER}"
    if reason := _too_large(needs):
        return reason
    slowest = lambda_ms(needs, LAMBDA.processor_mb)
    if slowest > GATEWAY.timeout_s * 1000:
        return f"an answer takes {slowest / 1000:.1f} s, the API waits {GATEWAY.timeout_s}"
    return ""


def _too_large(needs: Needs) -> str:
    """Return why the files of a class of the user's own do not fit; empty if they do."""
    if not needs.runs_code:
        return ""
    if needs.model_bytes > LAMBDA.tmp_bytes:
        files, limit = readable_size(needs.model_bytes), readable_size(LAMBDA.tmp_bytes)
        return f"its files have {files}, and are unpacked to /tmp, which has {limit}"
    layer = needs.model_bytes if needs.model_bytes <= LAMBDA.artifact_bytes else 0
    if needs.packages_bytes + layer + _CODE_BYTES <= LAMBDA.unpacked_bytes:
        return ""
    packages, code = readable_size(needs.packages_bytes), readable_size(_CODE_BYTES)
    files = f" and its files {readable_size(layer)}" if layer else ""
    return (
        f"its packages have about {packages}{files}, which do not fit beside the service's {code} "
        f"into Lambda's {readable_size(LAMBDA.unpacked_bytes)}"
    )


def option(needs: Needs, prices: Prices, requests: int) -> Option:
    """Choose the cheapest memory that holds the model, or a faster one for little more."""
    able = [each for each in MEMORIES if each >= needs.memory_mb]
    options = [_of_memory(needs, prices, requests, each) for each in able]
    dearest = min(option.usage for option in options) * _DEARER
    return min(
        (option for option in options if option.usage <= dearest),
        key=lambda option: (option.answers_ms, option.usage),
    )


def _of_memory(needs: Needs, prices: Prices, requests: int, memory: int) -> Option:
    answer, gigabytes = lambda_ms(needs, memory), memory / 1024
    seconds = math.ceil(answer) / 1000 * MILLION
    usage = per_million_calls(prices) + seconds * gigabytes * prices.lambda_.gb_second
    rest = gigabytes * MONTH_HOURS * 3600 * prices.lambda_.snapshot_gb_second
    first = _first_ms(needs, memory)
    return Option("lambda", f"{memory} MB", 1, answer, rest, usage, requests, first)


def _first_ms(needs: Needs, memory: int) -> float | None:
    """Estimate the first answer of a new environment without a snapshot; None if unknown."""
    if not needs.load_ms:
        return None
    start = _START_MS + needs.model_bytes * _VERIFIED_MS + needs.load_ms
    return start * _slower(memory) + lambda_ms(needs, memory)


def _slower(memory: int) -> float:
    return max(1.0, LAMBDA.processor_mb / memory)
