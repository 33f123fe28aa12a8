"""Passes events of API Gateway to the engine of an environment, over HTTP, and returns its answers.

The engine reads the same as behind the Lambda Web Adapter: the request, and API Gateway's context
of it in a header. Lambda does not stop a handler at its deadline on managed instances, so the time
limit of an event is that of its connection.
"""

import json
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import quote

from mangum import Mangum
from mangum.types import LambdaEvent, Response, Scope

from lading.functions.contract.invocation import answer_warm_up, header_lines, request_path
from lading.functions.contract.names import ADAPTER
from lading.functions.inference.entry.adapter_settings import AdapterSettings
from lading.functions.inference.wire.asgi import Receive, Send

_CONTEXT = ADAPTER.context_header.encode()
_HOP = frozenset({b"connection", b"content-length", b"transfer-encoding", b"host", _CONTEXT})
"""Headers that belong to one connection, or that the handler itself sets."""
_SPARE_S = 0.5
"""Time that is left for the report when the time limit passes."""


class EngineFailed(RuntimeError):
    """The engine gave no answer: it has ended, or the time limit passed."""


class Outgoing(NamedTuple):
    """A request for the engine; `target` is the path and the query, percent-encoded."""

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes


class EngineConnection:
    """A connection to the engine, which is opened again after a failure.

    Args:
        port: the engine's port on this machine.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)

    def ask(self, request: Outgoing, limit_s: float) -> Response:
        """Return the engine's answer.

        Raises:
            EngineFailed: there is none within the time limit.
        """
        connection = self._connection
        try:
            connection.timeout = limit_s
            if connection.sock is not None:
                connection.sock.settimeout(limit_s)
            connection.putrequest(request.method, request.target, skip_accept_encoding=True)
            for name, value in request.headers:
                connection.putheader(name.decode("latin-1"), value)
            connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body or None)
            answer = connection.getresponse()
            return {"status": answer.status, "headers": _encoded(answer), "body": answer.read()}
        except TimeoutError:
            connection.close()
            raise EngineFailed(f"the engine gave no answer within {limit_s:.1f} s") from None
        except (HTTPException, OSError) as error:
            connection.close()
            raise EngineFailed(f"the engine gave no answer: {error!r}") from error


def create_passing(
    settings: AdapterSettings, base_path: str = ""
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return a handler that passes events on to the engine at the port of `settings`.

    Args:
        settings: the engine's port.
        base_path: base path of a custom domain.
    """
    adapter, engine = Mangum(_no_application, lifespan="off"), EngineConnection(settings.port)

    def handler(event: LambdaEvent, context: Any) -> dict[str, Any]:
        if (warm := answer_warm_up(event)) is not None:
            return warm
        translation = adapter.infer(event, context)
        scope = translation.scope
        path = request_path(event, base_path) if "path" in event else scope["path"]
        left_s = context.get_remaining_time_in_millis() / 1000
        asked = Outgoing(
            scope["method"], _target(path, scope), _lines(event, scope), translation.body
        )
        return translation(engine.ask(asked, max(_SPARE_S, left_s - _SPARE_S)))

    return handler


def _target(path: str, scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return quote(path) + (f"?{query}" if query else "")


def _lines(event: Mapping[str, Any], scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the header lines for the engine: the caller's, and API Gateway's context."""
    found = header_lines(event) or [(name, value) for name, value in scope["headers"]]
    context = json.dumps(event.get("requestContext") or {}).encode()
    return [*((name, value) for name, value in found if name not in _HOP), (_CONTEXT, context)]


def _encoded(answer: HTTPResponse) -> list[list[bytes]]:
    return [
        [name.lower().encode("latin-1"), value.encode("latin-1")]
        for name, value in answer.headers.items()
    ]


async def _no_application(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for an application, which `Mangum` requires and nobody calls."""
