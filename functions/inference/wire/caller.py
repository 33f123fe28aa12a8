"""The caller of a request, as the gateway in front of the service names it.

A header of the request names nobody: its sender writes it. API Gateway's context of a request is
written by the gateway alone, and holds what the authorizer or IAM has verified.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from lading.functions.contract.names import CALLER

ANYBODY: Final = ""
"""The caller of a request without a verified name; all such requests have the same caller."""

_SESSION = re.compile(r"(arn:[^:]+:sts::\d+:assumed-role/.+)/[^/]+")
"""The ARN of an assumed role: the role, and the name that its session chose."""


def caller_of(scope: Mapping[str, Any]) -> str:
    """Return who sends a request: `tenant/acme`, `iam/arn:...`, or `ANYBODY`.

    Args:
        scope: the ASGI scope. `lading.caller` in it, which an application around this one may set,
            goes before the context of API Gateway.
    """
    named = scope.get(CALLER.scope)
    if named:
        return f"{CALLER.application}{named}"
    event = scope.get("aws.event")
    context = event.get("requestContext") if event else None
    return _named_by_gateway(context) if context else ANYBODY


def _named_by_gateway(context: Mapping[str, Any]) -> str:
    if own := context.get(CALLER.context):
        return str(own)
    if tenant := (context.get("authorizer") or {}).get("tenant"):
        return f"{CALLER.tenant}{tenant}"
    arn = (context.get("identity") or {}).get("userArn")
    return CALLER.principal + _SESSION.sub(r"\1", arn) if arn else ANYBODY
