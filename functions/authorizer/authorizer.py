"""The authorizer of a REST API: from a bearer token to tenant, models and usage plan.

The policy that it returns is for one request. Patterns for all models of a token would be wrong or
too long: `*` in a policy also matches slashes, so that a pattern for one model may match a path
below another, and a policy has at most 8 KB. If the gateway caches policies, the key must contain
path and method as well as the token; the stack sets that.

A token that is invalid for any reason gets the gateway's 401; a valid token that is not for this
model gets its 403.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from lading.functions.authorizer.grants import FindItem, Grant, read_grant, token_digest, token_id
from lading.functions.authorizer.settings import UsagePlans
from lading.functions.contract.dialects.dialect import split_path
from lading.functions.contract.dialects.feedback import PREFIX as FEEDBACK_PREFIX
from lading.functions.contract.invocation import request_path
from lading.functions.contract.names import TOKENS, usage_key
from lading.functions.contract.routes import RESERVED_NAMES, named_model

_BEARER = re.compile(rf"(?i:bearer) +({TOKENS.pattern})")
_LONGEST_HEADER = 256
_LONGEST_RESOURCE = 512
"""The longest ARN that API Gateway accepts in a policy; no route of a model is as long."""

Event = Mapping[str, Any]


class Unauthorized(Exception):
    """The token is missing or invalid; API Gateway answers 401 because of this very text."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Authorizer:
    """Answers REQUEST authorizer events.

    Args:
        find: finds a token's item by its digest.
        log: writes one line for each refusal; the line never has the token.
        now: returns the time in seconds since 1970.
        base_path: base path of the API's custom domain.
        plans: whose calls count against a usage plan of their own.
    """

    def __init__(
        self,
        find: FindItem,
        log: Callable[[str], None] = print,
        now: Callable[[], float] = time.time,
        base_path: str = "",
        plans: UsagePlans = UsagePlans(),  # noqa: B008 it is immutable
    ) -> None:
        self._plans = plans
        self._find, self._log, self._now, self._base_path = find, log, now, base_path

    def answer(self, event: Event) -> dict[str, Any]:
        """Return the policy for the request of `event`.

        Raises:
            Unauthorized: the token is missing or invalid.
        """
        token = bearer_token(event)
        if token is None:
            self._refuse("no bearer token", "")
        digest = token_digest(token)
        grant = read_grant(self._find(digest), self._now())
        if isinstance(grant, str):
            self._refuse(grant, token_id(digest))
        model, scope = requested_model(event, self._base_path), self._scope(event)
        allowed = grant.allows(model, scope)
        return _response(event, self._planned(grant), token_id(digest), allowed=allowed)

    def _scope(self, event: Event) -> str:
        """Return what the request is for; truths have a prefix of their own, at the root only."""
        first = split_path(request_path(event, self._base_path))[0]
        return TOKENS.feedback if first == FEEDBACK_PREFIX else TOKENS.predict

    def _planned(self, grant: Grant) -> Grant:
        """Return the grant with the key of the tenant's own usage plan, if it has one."""
        if grant.tenant not in self._plans.tenants:
            return grant
        return replace(grant, usage_key=usage_key(self._plans.api, grant.tenant, own_plan=True))

    def _refuse(self, reason: str, token: str) -> NoReturn:
        line = {"level": "WARNING", "message": "refused", "reason": reason, "token": token}
        self._log(json.dumps(line))
        raise Unauthorized


def bearer_token(event: Event) -> str | None:
    """Return the token of the only Authorization header; None when it is missing or malformed."""
    headers = event.get("multiValueHeaders") or {}
    values = [
        value
        for name, several in headers.items()
        if name.lower() == "authorization"
        for value in several
    ]
    if len(values) != 1 or len(values[0]) > _LONGEST_HEADER:
        return None
    found = _BEARER.fullmatch(values[0].strip())
    return found[1] if found else None


def requested_model(event: Event, base_path: str = "") -> str:
    """Return the model of the request, by the gateway's resource, or else by the path."""
    first = split_path(event["resource"])[0]
    if first and not first.startswith("{") and first not in RESERVED_NAMES:
        return first
    return named_model(request_path(event, base_path))


def _response(event: Event, grant: Grant, token: str, *, allowed: bool) -> dict[str, Any]:
    allowed = allowed and len(event["methodArn"]) <= _LONGEST_RESOURCE
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if allowed else "Deny",
        "Resource": event["methodArn"] if allowed else "*",
    }
    return {
        "principalId": grant.tenant,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "usageIdentifierKey": grant.usage_key,
        "context": {
            "tenant": grant.tenant,
            "token": token,
            "models": ",".join(sorted(grant.models)),
        },
    }
