"""Puts the pages beside a service: requests of browsers go to them, everything else to it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final, TypeVar, cast

from lading.functions.contract.routes import RESERVED_NAMES
from lading.functions.pages.files import find_page

Asgi = TypeVar("Asgi", bound=Callable[..., Awaitable[None]])

_HTML: Final = b"text/html"
_FOUND: Final = 303


def with_pages(app: Asgi) -> Asgi:
    """Return an ASGI application with the pages, which are imported at their first request.

    A browser that opens `/` is led to `/ui`; every other client gets what `app` answers there.
    """

    async def both(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await app(scope, receive, send)
            return
        below = scope["path"].removeprefix(scope.get("root_path", ""))
        if below == "/" and _wants_html(scope):
            await _lead(send)
        elif _is_page(below):
            pages = await asyncio.to_thread(_pages)  # its import takes long
            await pages(scope, receive, send)
        else:
            await app(scope, receive, send)

    return cast("Asgi", both)


def _is_page(path: str) -> bool:
    first = path.removeprefix("/").partition("/")[0]
    if first == "ui":
        return True
    return (first == "docs" or first not in RESERVED_NAMES) and find_page(path) is not None


def _wants_html(scope: Any) -> bool:
    return any(name == b"accept" and _HTML in value for name, value in scope["headers"])


async def _lead(send: Any) -> None:
    headers = [(b"location", b"ui"), (b"vary", b"accept"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": _FOUND, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


@cache
def _pages() -> Any:
    from lading.functions.pages.application import create_pages

    return create_pages()
