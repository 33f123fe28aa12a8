"""Starts MiniStack with what a judge of roll-outs needs of it and it does not have.

MiniStack stores the weights of an alias and sends every request to its first version. This program
runs in MiniStack's own environment, in which nothing of ours is installed. It draws the version of
each request, as Lambda does. And its CloudWatch counts the values in a range (`TC(a:b)`).
"""

import asyncio
import importlib
import random
import re
from collections.abc import Callable, Mapping
from typing import Any


def drawn(function: Mapping[str, Any] | None, qualifier: str | None) -> str | None:
    """Return the version for a request to an alias with weights; any other qualifier unchanged."""
    alias = (function or {}).get("aliases", {}).get(qualifier)
    shares = (alias or {}).get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    chance = random.random()  # noqa: S311 a share of requests, not a secret
    for version, weight in shares.items():
        if chance < weight:
            return str(version)
        chance -= weight
    return alias["FunctionVersion"] if shares and alias else qualifier


def weigh_aliases(service: Any) -> None:
    """Replace the two functions of MiniStack's Lambda that choose a version; both are its own."""
    assert asyncio.iscoroutinefunction(service._invoke), "MiniStack's Lambda has another form"  # noqa: SLF001 see above
    resolve: Callable[..., Any] = service._effective_func_record_for_qualifier  # noqa: SLF001 see above
    invoke: Callable[..., Any] = service._invoke  # noqa: SLF001 see above

    def resolve_drawn(function: Mapping[str, Any] | None, qualifier: str | None) -> Any:
        return resolve(function, drawn(function, qualifier))

    async def invoke_drawn(
        name: str,
        event: Any,
        headers: Any,
        path_qualifier: str | None = None,
        query_params: Mapping[str, Any] | None = None,
    ) -> Any:
        asked = path_qualifier or service._qp_first(query_params or {}, "Qualifier")  # noqa: SLF001 see above
        chosen = drawn(service._functions.get(name), asked)  # noqa: SLF001 see above
        return await invoke(name, event, headers, chosen, query_params)

    service._effective_func_record_for_qualifier = resolve_drawn  # noqa: SLF001 see above
    service._invoke = invoke_drawn  # noqa: SLF001 see above


_RANGE = re.compile(r"TC\(([0-9.]*):([0-9.]*)\)")


def trimmed_count(statistic: str, samples: list[tuple[float, float]]) -> float | None:
    """Return the weight of the values above `a` and up to `b`; None: it is not that statistic."""
    found = _RANGE.fullmatch(statistic or "")
    if found is None:
        return None
    low, high = float(found[1] or "-inf"), float(found[2] or "inf")
    return sum(weight for value, weight in samples if low < value <= high)


def count_ranges(service: Any) -> None:
    """Replace the function of MiniStack's CloudWatch that reads one statistic; it is its own."""
    read: Callable[..., Any] = service._stat_value  # noqa: SLF001 see above

    def read_or_count(stats: Any, statistic: str, points: Any = None) -> Any:
        samples = service._percentile_samples(points or []) or []  # noqa: SLF001 see above
        counted = trimmed_count(statistic, samples)
        return read(stats, statistic, points) if counted is None else counted

    service._stat_value = read_or_count  # noqa: SLF001 see above


if __name__ == "__main__":
    weigh_aliases(importlib.import_module("ministack.services.lambda_svc"))
    count_ranges(importlib.import_module("ministack.services.cloudwatch"))
    importlib.import_module("ministack.app").main()
