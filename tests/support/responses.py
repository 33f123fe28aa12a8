"""The place where custom resources report to CloudFormation."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lading.functions.inference.wire.asgi import Receive, Scope, Send
from tests.support.uvicorn_server import uvicorn_serving


@dataclass
class Responses:
    """An ASGI application that records the documents that are sent to it."""

    url: str = ""
    documents: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.documents.append(json.loads(body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@contextmanager
def responses() -> Iterator[Responses]:
    told = Responses()
    with uvicorn_serving(told) as address:
        told.url = f"http://{address}/response"
        yield told
