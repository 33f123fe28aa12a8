"""The event that a REST API sends to a Lambda proxy integration for an HTTP request.

The API has `binaryMediaTypes: ['*/*']`, so every body arrives in base64. Here one function serves
all models behind the resource `/{proxy+}`. In the cloud each model's function is behind `/<model>`
and `/<model>/{proxy+}`, so `resource` and `pathParameters` differ; `path` is the same, and the
service reads nothing else of them.

As recorded from live REST APIs: `path` keeps its percent-encoding, while path and query parameters
are decoded; `headers` has the last of several values; some headers never reach the function. Header
names are in lower case, as from an HTTP/2 client, except those that the gateway itself sets.
"""

import base64
import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

STAGE = "local"
RESOURCE = "/{proxy+}"

_ACCOUNT = "000000000000"
_API = "lading0000"

_DROPPED = frozenset(
    (
        *("connection", "content-length", "content-md5", "expect", "max-forwards"),
        *("proxy-authenticate", "server", "te", "trailer", "transfer-encoding", "upgrade"),
        "www-authenticate",
    )
)
_REPLACED = frozenset(
    {"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
)
_SPELLINGS = {"host": "Host", "user-agent": "User-Agent"}
_ABSENT_IDENTITY = dict.fromkeys(
    (
        *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider"),
        *("cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId"),
        *("principalOrgId", "user", "userArn"),
    )
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request; `path` is percent-encoded, header names are in lower case."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    client: str = "127.0.0.1"
    port: int = 80
    scheme: str = "http"
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class RequestIds:
    """The gateway's ids of one request, in its event and in its response."""

    request: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended: str = field(default_factory=lambda: base64.b64encode(os.urandom(11)).decode())
    trace: str = field(
        default_factory=lambda: f"Root=1-{_now_epoch():08x}-{os.urandom(12).hex()};Sampled=0"
    )


def build_event(request: HttpRequest, ids: RequestIds) -> dict[str, Any]:
    """Return the proxy event of a request, in payload format 1.0."""
    headers = _group([*_passed_headers(request), *_gateway_headers(request, ids)])
    query = _group(parse_qsl(request.query, keep_blank_values=True))
    resource = _resource(request.path)
    below = {"proxy": unquote(request.path.removeprefix("/"))}
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": below if resource == RESOURCE else None,
        "stageVariables": None,
        "requestContext": _request_context(request, ids, headers),
        "body": base64.b64encode(request.body).decode() if request.body else None,
        "isBase64Encoded": bool(request.body),
    }


def _resource(path: str) -> str:
    """Return the API resource of a path: one for the root, and one for all paths below it."""
    return RESOURCE if path.strip("/") else "/"


def _passed_headers(request: HttpRequest) -> Iterable[tuple[str, str]]:
    for name, value in request.headers:
        if name not in _DROPPED and name not in _REPLACED:
            yield _SPELLINGS.get(name, name), value


def _gateway_headers(request: HttpRequest, ids: RequestIds) -> Iterable[tuple[str, str]]:
    forwarded = [value for name, value in request.headers if name == "x-forwarded-for"]
    yield "X-Amzn-Trace-Id", ids.trace
    yield "X-Forwarded-For", ", ".join([*forwarded, request.client])
    yield "X-Forwarded-Port", str(request.port)
    yield "X-Forwarded-Proto", request.scheme


def _request_context(
    request: HttpRequest, ids: RequestIds, headers: dict[str, list[str]]
) -> dict[str, Any]:
    now = datetime.now(UTC)
    host = headers.get("Host", ["localhost"])[-1]
    agent = headers.get("User-Agent", [None])[-1]
    return {
        "accountId": _ACCOUNT,
        "apiId": _API,
        "deploymentId": STAGE,
        "domainName": host,
        "domainPrefix": host.split(".")[0],
        "extendedRequestId": ids.extended,
        "httpMethod": request.method,
        "identity": {**_ABSENT_IDENTITY, "sourceIp": request.client, "userAgent": agent},
        "path": request.path,
        "protocol": request.protocol,
        "requestId": ids.request,
        "requestTime": f"{now:%d/%b/%Y:%H:%M:%S} +0000",
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "resourceId": "proxy",
        "resourcePath": _resource(request.path),
        "stage": STAGE,
    }


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _last(grouped: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in grouped.items()}


def _now_epoch() -> int:
    return int(datetime.now(UTC).timestamp())
