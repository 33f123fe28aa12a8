"""Real servers that do not behave: each request gets the next of these answers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

from lading.functions.inference.wire.asgi import Receive, Scope, Send
from tests.support.uvicorn_server import uvicorn_serving


class Given(NamedTuple):
    """An answer; its body is sent in parts."""

    status: int = 200
    parts: Sequence[bytes] = (b"{}",)
    headers: Mapping[str, str] = MappingProxyType({})


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@contextmanager
def answering(*answers: Given) -> Iterator[tuple[str, list[Seen]]]:
    """Yield the URL of a server with these answers, the last one for ever, and what it has seen."""
    seen: list[Seen] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        given = answers[min(len(seen), len(answers) - 1)]
        seen.append(Seen(scope["method"], scope["path"], headers, body))
        raw = [(name.encode(), value.encode()) for name, value in given.headers.items()]
        await send({"type": "http.response.start", "status": given.status, "headers": raw})
        for part in given.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    with uvicorn_serving(app) as address:
        yield f"http://{address}", seen
