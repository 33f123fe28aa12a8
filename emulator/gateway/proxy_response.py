"""The HTTP response that the gateway makes of a function's result."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lading.emulator.gateway.refusals import malformed_response, undecodable_body

_SEVERAL = "multiValueHeaders"
_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_REMAPPED = frozenset({"connection", "content-length", "date", "server", "www-authenticate"})
_DROPPED = frozenset({"transfer-encoding"})
_BODILESS = frozenset({204, 304})
_STATUSES = range(200, 600)

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The status, headers and body of an HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def read_response(payload: bytes) -> HttpResponse:
    """Return the HTTP response that a function's JSON describes.

    Raises:
        GatewayRefusal: the gateway would reject it.
    """
    try:
        document = json.loads(payload)
    except ValueError:
        raise malformed_response("it is not JSON") from None
    if not isinstance(document, dict):
        raise malformed_response(f"it is {_kind(document)}, not an object")
    unknown = sorted(document.keys() - _KEYS)
    if unknown:
        raise malformed_response(f"it has the unknown keys {', '.join(unknown)}")
    status = _status(document.get("statusCode"))
    body = b"" if status in _BODILESS else _body(document)
    return HttpResponse(status, tuple(_headers(document)), body)


def _status(value: Any) -> int:
    if value is None:
        return 200
    if isinstance(value, int | str) and str(value).isdecimal() and int(value) in _STATUSES:
        return int(value)
    raise malformed_response(f"statusCode is {value!r}")


def _body(document: Mapping[str, Any]) -> bytes:
    body, encoded = _given(document, "body", ""), _given(document, "isBase64Encoded", default=False)
    if not isinstance(body, str):
        raise malformed_response(f"body is {_kind(body)}, not a string")
    if not isinstance(encoded, bool):
        raise malformed_response(f"isBase64Encoded is {_kind(encoded)}, not true or false")
    if not encoded:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise undecodable_body() from None


def _headers(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the headers: multi-value ones win over single ones; some are renamed or dropped."""
    several = list(_pairs(document, _SEVERAL))
    names = {name.lower() for name, _ in several}
    pairs = [pair for pair in _pairs(document, "headers") if pair[0].lower() not in names]
    pairs += several
    if "content-type" not in {name.lower() for name, _ in pairs}:
        yield "content-type", "application/json"
    for name, value in pairs:
        if name.lower() not in _DROPPED:
            remapped = name.lower() in _REMAPPED
            yield (f"x-amzn-Remapped-{name}" if remapped else name), value


def _pairs(document: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    """Yield the headers below a key, whose values are lists in `multiValueHeaders`."""
    headers = _given(document, key, {})
    if not isinstance(headers, dict):
        raise malformed_response(f"{key} is {_kind(headers)}, not an object")
    for name, value in headers.items():
        values = value if key == _SEVERAL else [value]
        if not isinstance(values, list):
            raise malformed_response(f"{key}.{name} is {_kind(values)}, not a list")
        yield from (_checked(name, each) for each in values)


def _checked(name: str, value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str):
        raise malformed_response(f"header {name} is {_kind(value)}, not a string")
    if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
        raise malformed_response(f"header {name!r} is not a valid HTTP header")
    return name, value.strip()


def _given(document: Mapping[str, Any], key: str, default: Any) -> Any:
    """Return the value of an optional key; null counts as missing."""
    value = document.get(key)
    return default if value is None else value


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else kinds.get(type(value), "a number")
