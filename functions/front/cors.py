"""CORS: the front function answers the preflight requests of browsers, for every path.

A preflight request has no signature and no token, so the gateway sends it here without
authorization, and no model's function starts for it. The answers of the models' functions have
their CORS headers already.
"""

from collections.abc import Callable, Sequence

from lading.functions.contract.origins import ALLOW_ORIGIN, PREFLIGHT, READABLE, allow
from lading.functions.front.invocation import Answer, Event


def allow_origins(
    respond: Callable[[Event], Answer], origins: Sequence[str]
) -> Callable[[Event], Answer]:
    """Return `respond` with CORS for these origins; `respond` itself when there are none."""
    if not origins:
        return respond

    def allowing(event: Event) -> Answer:
        allowed = allow(_origin(event), origins)
        if event["httpMethod"] == "OPTIONS":
            status = 200 if allowed else 403
            return {"statusCode": status, "headers": {**allowed, **PREFLIGHT}, "body": ""}
        answer = respond(event)
        if not allowed or ALLOW_ORIGIN in _header_names(answer):
            return answer
        headers = answer.get("headers") or {}
        return {**answer, "headers": {**headers, **allowed, **READABLE}}

    return allowing


def _origin(event: Event) -> str | None:
    headers = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == "origin"), None)


def _header_names(answer: Answer) -> set[str]:
    single, several = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    return {name.lower() for name in (*single, *several)}
