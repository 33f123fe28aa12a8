"""Cross-origin requests, for pages that call the service from a browser.

Off unless it is configured, as TensorFlow Serving's `--rest_api_enable_cors_support`; then for
every dialect, from the configured origins or from all (`*`).
"""

from collections.abc import Mapping, Sequence

from lading.functions.contract.origins import PREFLIGHT, READABLE, allow
from lading.functions.inference.wire.asgi import App, Message, Receive, Scope, Send
from lading.functions.inference.wire.messages import read_headers


def allow_origins(app: App, origins: Sequence[str]) -> App:
    """Return `app`, open to pages of these origins; `app` itself if there are none."""
    if not origins:
        return app

    async def allowing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        allowed = allow(read_headers(scope["headers"]).get("origin"), origins)
        if scope["method"] == "OPTIONS" and allowed:
            headers = _encoded({**allowed, **PREFLIGHT, "content-length": "0"})
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_allowed(message: Message) -> None:
            if allowed and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_encoded({**allowed, **READABLE})]
            await send(message)

        await app(scope, receive, send_allowed)

    return allowing


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
