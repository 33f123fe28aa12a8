"""Invocations of functions: the events that API Gateway sends, and those of warmers.

Every function reads the path of an event by `request_path`, so that an escaped path, or one below
the base path of a custom domain, means the same to the front function, the authorizer and the
model's function.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

_CONNECT_S = 2

_WARMERS: Final = frozenset({"aws.scheduler", "serverless-plugin-warmup"})
HEALTH: Final = "ladingHealth"
"""The key of an event by which the front function asks a model's function for its health. Callers
of an API cannot send it: API Gateway's events have a path."""
_WARM_MARKS: Final = ("warmer", "warmup", HEALTH)
_SCHEDULED: Final = "Scheduled Event"


def request_path(event: Mapping[str, Any], base_path: str = "") -> str:
    """Return the path of a request below the API's root, decoded once.

    Args:
        event: the event of a proxy integration or of a REQUEST authorizer, whose path has its
            percent-encoding and the base path of a custom domain.
        base_path: that base path; empty if there is none.

    >>> request_path({"path": "/v1/models/digits%3Apredict"})
    '/v1/models/digits:predict'
    """
    return path_below(unquote(event["path"]), base_path)


def path_below(path: str, base_path: str) -> str:
    """Return a decoded path without the base path of a custom domain, if it starts with it.

    The same API also answers at its own URL, without a base path.

    >>> path_below("/ml/digits/predict", "ml"), path_below("/mlx", "ml")
    ('/digits/predict', '/mlx')
    """
    start = f"/{base_path}"
    if base_path and (path == start or path.startswith(f"{start}/")):
        return path[len(start) :] or "/"
    return path


def header_lines(event: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the header lines, if a header has several: Mangum would join all of them."""
    several = event.get("multiValueHeaders") or {}
    if all(len(values) == 1 for values in several.values()):
        return []
    return [
        (name.lower().encode(), value.encode())
        for name, values in several.items()
        for value in values
    ]


def answer_warm_up(event: Mapping[str, Any]) -> dict[str, bool] | None:
    """Return the answer to a warm-up, None for a request of API Gateway.

    Warm-ups are schedules of EventBridge and the events of known warmers: `{"warmer": true}`,
    `{"warmup": true}` and `{"source": "serverless-plugin-warmup"}`.

    Raises:
        ValueError: the event is neither.
    """
    if "path" in event or "requestContext" in event:
        return None
    scheduled = event.get("detail-type") == _SCHEDULED
    if scheduled or event.get("source") in _WARMERS or any(map(event.get, _WARM_MARKS)):
        return {"warm": True}
    raise ValueError(
        "the event is neither a request from a REST API of API Gateway nor a warm-up, such as "
        f'{{"warmer": true}} or a schedule of EventBridge; its keys: {", ".join(sorted(event)[:9])}'
    )


def proxy_event(method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the event of a REST API's proxy integration, with the body in base64.

    Args:
        method: HTTP's method.
        path: the path, decoded.
        headers: the request's headers.
        body: the request's body.
    """
    path = quote(path, safe="/:")
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"stage": "", "path": path, "httpMethod": method},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def answer_body(answer: Mapping[str, Any]) -> bytes:
    """Return the body of a function's answer to such an event."""
    body: str = answer.get("body") or ""
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def dumps(event: Mapping[str, Any]) -> bytes:
    """Return the payload of an invocation."""
    return json.dumps(event, separators=(",", ":")).encode()


def lambda_client(read_timeout_s: float, most_at_once: int = 10) -> Any:
    """Return a client of Lambda that never retries: a prediction that runs twice costs twice."""
    from boto3.session import Session
    from botocore.config import Config

    patience = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        max_pool_connections=most_at_once,
    )
    session: Any = Session()
    return session.client("lambda", config=patience)
