"""Bearer token -> tenant, models and usage plan, as an authorizer of a REST API.

The policy that goes back is about the one request that was asked for. Patterns for all of a token's
models would be wrong or too long: `*` in a policy runs over slashes, so that what names one model
may fit a path below another, and a policy has 8 KB. If the gateway remembers answers it must do so
by path and method as well as by token; the stack sees to that.

Every token that is not good for anything gets the gateway's 401, whatever the reason; a good one
that is not good for this model gets its 403.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from lading.functions.authorizer.grants import FindItem, Grant, read_grant, token_digest, token_id
from lading.functions.contract.dialects.dialect import split_path
from lading.functions.contract.names import TOKENS
from lading.functions.contract.routes import RESERVED_NAMES, named_model

_BEARER = re.compile(rf"(?i:bearer) +({TOKENS.pattern})")
_LONGEST_HEADER = 256
_LONGEST_RESOURCE = 512
"""API Gateway takes no longer one in a policy; no route of a model comes near."""

Event = Mapping[str, Any]


class Unauthorized(Exception):
    """The caller is nobody; the text is what makes API Gateway answer 401."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Authorizer:
    """Answers REQUEST authorizer events.

    Args:
        find: finds a token's item by its digest.
        log: takes one line for each refusal; it never has the token.
        now: the time, in seconds since 1970.
    """

    def __init__(
        self,
        find: FindItem,
        log: Callable[[str], None] = print,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._find, self._log, self._now = find, log, now

    def answer(self, event: Event) -> dict[str, Any]:
        """The policy for the request of `event`.

        Raises:
            Unauthorized: no token, or none that is good.
        """
        token = bearer_token(event)
        if token is None:
            self._refuse("no bearer token", "")
        digest = token_digest(token)
        grant = read_grant(self._find(digest), self._now())
        if isinstance(grant, str):
            self._refuse(grant, token_id(digest))
        return _response(event, grant, token_id(digest))

    def _refuse(self, reason: str, token: str) -> NoReturn:
        line = {"level": "WARNING", "message": "refused", "reason": reason, "token": token}
        self._log(json.dumps(line))
        raise Unauthorized


def bearer_token(event: Event) -> str | None:
    """The token of the one Authorization header; None when there is none of its form."""
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


def requested_model(event: Event) -> str:
    """The model that the request is for: by the resource that the gateway chose, else the path."""
    first = split_path(event["resource"])[0]
    if first and not first.startswith("{") and first not in RESERVED_NAMES:
        return first
    return named_model(event["path"])


def _response(event: Event, grant: Grant, token: str) -> dict[str, Any]:
    allowed = grant.allows(requested_model(event)) and len(event["methodArn"]) <= _LONGEST_RESOURCE
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
