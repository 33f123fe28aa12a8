"""Who may use the management API: the holder of its token, from no page of another site.

A page in an operator's browser can post to an address that only the operator reaches. It cannot
read or set the token, and a browser says where a request comes from. Every request, refused or not,
is a line in the log.
"""

import hmac
import json
from collections.abc import Callable
from time import time
from typing import NamedTuple
from urllib.parse import urlsplit

from lading.functions.contract.names import CONTAINER
from lading.functions.inference.wire.asgi import App, Message, Receive, Scope, Send
from lading.functions.inference.wire.messages import read_headers

_LONGEST_QUOTE = 256


class _Refusal(NamedTuple):
    status: int
    kind: str
    message: str


_NO_TOKEN = _Refusal(
    401,
    "InvalidKeyException",
    "Token Authorization failed. Send the token of this server as 'Authorization: Bearer TOKEN'.",
)
_CROSS_SITE = _Refusal(
    403, "ForbiddenException", "The request comes from a page of another site, which is refused."
)


def guard(app: App, token: str, log: Callable[[str], object] = print) -> App:
    """Return `app` for the holders of a token.

    Args:
        app: the management API.
        token: the secret, which every request must have.
        log: writes one line for each request; the line never has the token.

    Raises:
        ValueError: the token is too short.
    """
    if len(token) < CONTAINER.shortest_token:
        raise ValueError(f"the token must have at least {CONTAINER.shortest_token} characters")

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        refusal = _refusal(read_headers(scope["headers"]), token)
        try:
            if refusal is None:
                await app(scope, receive, noting)
            else:
                await _send(refusal, noting)
        finally:
            log(_line(scope, status))

    return guarded


def _refusal(headers: dict[str, str], token: str) -> _Refusal | None:
    if _cross_site(headers):
        return _CROSS_SITE
    kind, _, sent = headers.get("authorization", "").partition(" ")
    known = hmac.compare_digest(sent.strip().encode(), token.encode())
    return None if kind.lower() == "bearer" and known else _NO_TOKEN


def _cross_site(headers: dict[str, str]) -> bool:
    """Return whether a browser sends the request for a page of another site."""
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


async def _send(refusal: _Refusal, send: Send) -> None:
    document = {"code": refusal.status, "type": refusal.kind, "message": refusal.message}
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if refusal is _NO_TOKEN:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _line(scope: Scope, status: int) -> str:
    client = scope.get("client")
    return json.dumps(
        {
            "level": "INFO",
            "message": "management",
            "method": scope["method"],
            "path": scope["path"][:_LONGEST_QUOTE],
            "query": scope.get("query_string", b"")[:_LONGEST_QUOTE].decode("latin-1"),
            "status": status,
            "client": client[0] if client else None,
            "timestamp": int(time() * 1000),
        }
    )
