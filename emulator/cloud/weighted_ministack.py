"""Starts MiniStack with aliases that share requests between two versions, by their weights.

MiniStack stores the weights of an alias and sends every request to its first version. This program
runs in MiniStack's own environment, in which nothing of ours is installed. It draws the version of
each request, as Lambda does.
"""

import asyncio
import importlib
import random
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


if __name__ == "__main__":
    weigh_aliases(importlib.import_module("ministack.services.lambda_svc"))
    importlib.import_module("ministack.app").main()
