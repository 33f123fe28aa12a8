"""Drives an ASGI application directly: one request in, the whole answer out."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.wire.asgi import App, Message


@dataclass(frozen=True)
class Answer:
    """One HTTP response; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The text of an error body, which has the one key `error`."""
        assert list(self.document) == ["error"]
        return str(self.document["error"])


def serve(settings: ServingSettings) -> App:
    """The application that serves what `settings` names."""
    return create_app(load_catalog(settings))


def ask(  # noqa: PLR0913, PLR0917 a request has this many parts
    app: App,
    target: str,
    body: Any = b"",
    headers: Mapping[str, str] | None = None,
    chunk: int | None = None,
    context: Mapping[str, Any] | None = None,
) -> Answer:
    """Send a request, `"POST /predict"`; a body that is not bytes goes as JSON, in pieces.

    `context` is what API Gateway says of the request.
    """
    method, _, address = target.partition(" ")
    path, _, query = address.partition("?")
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = chunk or max(len(content), 1)
    pieces = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    sent: list[Message] = []

    async def receive() -> Message:
        if not pieces:  # the client waits for its answer
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        **({} if context is None else {"aws.event": {"requestContext": context}}),
    }
    asyncio.run(app(scope, receive, send))
    start, *rest = sent
    answered = {key.decode().lower(): value.decode() for key, value in start["headers"]}
    return Answer(start["status"], answered, b"".join(part.get("body", b"") for part in rest))
