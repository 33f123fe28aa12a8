"""An invocation of a model's function, with the event that API Gateway would send."""

import base64
import json
from collections.abc import Mapping
from typing import Any

_CONNECT_S = 2


def proxy_event(method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the event of a REST API's proxy integration, with the body in base64."""
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
