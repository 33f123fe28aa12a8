"""Cross-origin requests, for pages that ask the service from a browser.

Off unless it is asked for, as TensorFlow Serving's `--rest_api_enable_cors_support`; then for every
dialect, from the origins that are named or from all (`*`).
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Sequence
from typing import Final

from functions.inference.asgi import App, Message, Receive, Scope, Send

EVERY: Final = "*"

_Headers = list[tuple[bytes, bytes]]

_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"POST, GET"),
    (
        b"access-control-allow-headers",
        b"Content-Type, Accept, Authorization, Inference-Header-Content-Length, X-Request-Id",
    ),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
)
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Inference-Header-Content-Length, X-Request-Id",
)


def read_origins(text: str) -> tuple[str, ...]:
    """The origins in a setting: `*`, or some between commas; none when it is empty.

    Raises:
        ValueError: one is no origin, which has a scheme, a host and no path.
    """
    origins = tuple(each.strip() for each in text.split(",") if each.strip())
    for origin in origins:
        scheme, separator, host = origin.partition("://")
        good = scheme in ("http", "https") and separator and host and "/" not in host
        if origin != EVERY and not (good and origin.isascii() and origin.isprintable()):
            raise ValueError(f"'{origin[:80]}' is no origin, as https://example.com, and not *")
    return origins


def allow_origins(app: App, origins: Sequence[str]) -> App:
    """`app`, for pages of these origins too; itself when there are none."""
    if not origins:
        return app

    async def allowing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        allowed = _allowed(dict(scope["headers"]).get(b"origin"), origins)
        if scope["method"] == "OPTIONS" and allowed:
            headers = [*allowed, *_PREFLIGHT]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_allowed(message: Message) -> None:
            if allowed and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *allowed, _EXPOSED]
            await send(message)

        await app(scope, receive, send_allowed)

    return allowing


def _allowed(origin: bytes | None, origins: Sequence[str]) -> _Headers:
    """The headers that let a page of this origin read the answer; none if it may not."""
    if origin is None:
        return []
    if EVERY in origins:
        return [(b"access-control-allow-origin", b"*")]
    if origin.decode("latin-1") not in origins:
        return []
    return [(b"access-control-allow-origin", origin), (b"vary", b"origin")]
