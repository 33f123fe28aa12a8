"""API Gateway on this machine: every HTTP request becomes an event for a Lambda function.

An ASGI application with the rules of a REST API: its limits, its own error responses, and its
changes of headers in both directions. `event`, `refusals` and `proxy_response` hold one each.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from lading.emulator.errors import FunctionError
from lading.emulator.function.interface import Function
from lading.emulator.gateway.event import HttpRequest, RequestIds, build_event
from lading.emulator.gateway.proxy_response import HttpResponse, read_response
from lading.emulator.gateway.refusals import (
    GatewayRefusal,
    body_too_large,
    event_too_large,
    headers_too_large,
    response_too_large,
    unanswered,
)
from lading.functions.contract.limits import GATEWAY, LAMBDA
from lading.functions.inference.wire.asgi import Receive, Scope, Send
from lading.functions.inference.wire.sending import disconnected

LINGER_SECONDS = 2.0
"""Time for a client to finish sending a refused body before its connection is closed."""


@dataclass(frozen=True, slots=True)
class Access:
    """One answered request, for a log."""

    method: str
    path: str
    status: int
    milliseconds: float
    size: int
    reason: str = ""
    """Why the emulated service itself answered; empty when the function or the engine did."""

    def __str__(self) -> str:
        line = (
            f"{self.method} {self.path} {self.status} {self.milliseconds:.1f} ms {self.size} bytes"
        )
        return f"{line} ({self.reason})" if self.reason else line


class Gateway:
    """The API in front of one function.

    Args:
        function: answers the requests.
        on_access: called for each answered request.
    """

    def __init__(self, function: Function, on_access: Callable[[Access], None]) -> None:
        self._function = function
        self._on_access = on_access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"API Gateway has no {scope['type']} connections here")
        started = time.perf_counter()
        ids, reason, unread = RequestIds(), "", None
        try:
            response = await self._answer(scope, receive, ids)
        except _Disconnected:
            return
        except GatewayRefusal as refused:
            response, reason = _refusal(refused, ids), refused.reason
            unread = receive if refused.unread else None
        path = scope["raw_path"].decode("latin-1")
        elapsed = (time.perf_counter() - started) * 1000
        size = len(response.body)
        self._on_access(Access(scope["method"], path, response.status, elapsed, size, reason))
        await _send(response, scope["method"], unread, send)

    async def _answer(self, scope: Scope, receive: Receive, ids: RequestIds) -> HttpResponse:
        request = await _read_request(scope, receive)
        payload = json.dumps(build_event(request, ids)).encode()
        if len(payload) > LAMBDA.request_bytes:
            raise event_too_large(len(payload))
        try:
            answer = await self._invoke(payload, receive)
        except FunctionError as error:
            raise unanswered(error) from error
        if len(answer) > LAMBDA.response_bytes:
            raise response_too_large(len(answer))
        response = read_response(answer)
        own = (*_id_headers(ids), ("X-Amzn-Trace-Id", ids.trace))
        return HttpResponse(response.status, (*response.headers, *own), response.body)

    async def _invoke(self, payload: bytes, receive: Receive) -> bytes:
        """Invoke the function, unless the client disconnects before the function begins."""
        answering = asyncio.ensure_future(self._function.invoke(payload))
        gone = asyncio.ensure_future(disconnected(receive))
        gone.add_done_callback(lambda _: answering.cancel())
        try:
            return await answering
        except asyncio.CancelledError:
            if gone.done():
                raise _Disconnected from None
            raise
        finally:
            gone.cancel()


class _Disconnected(Exception):
    """The client disconnected before it was answered."""


async def _read_request(scope: Scope, receive: Receive) -> HttpRequest:
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size > GATEWAY.header_bytes:
        raise headers_too_large(size)
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    )
    body = await _read_body(dict(headers).get("content-length", ""), receive)
    return HttpRequest(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        client=scope["client"][0] if scope.get("client") else "127.0.0.1",
        port=scope["server"][1] if scope.get("server") else 80,
        scheme=scope["scheme"],
        protocol=f"HTTP/{scope['http_version']}",
    )


async def _read_body(announced: str, receive: Receive) -> bytes:
    """Return the body; memory never holds more than the limit and one chunk."""
    if announced.isdecimal() and int(announced) > GATEWAY.body_bytes:
        raise body_too_large(int(announced))
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > GATEWAY.body_bytes:
            raise body_too_large()
        if not message.get("more_body", False):
            return b"".join(chunks)


def _refusal(refused: GatewayRefusal, ids: RequestIds) -> HttpResponse:
    headers = [("content-type", refused.content_type)]
    if refused.error_type:
        headers += [*_id_headers(ids), ("x-amzn-ErrorType", refused.error_type)]
    return HttpResponse(refused.status, tuple(headers), refused.body)


def _id_headers(ids: RequestIds) -> tuple[tuple[str, str], ...]:
    return (("x-amzn-RequestId", ids.request), ("x-amz-apigw-id", ids.extended))


async def _send(response: HttpResponse, method: str, unread: Receive | None, send: Send) -> None:
    """Send a response; `unread` is set when the client may still send its body."""
    headers = [*response.headers]
    if response.status not in (204, 304):
        headers.append(("content-length", str(len(response.body))))
    if unread:
        headers.append(("connection", "close"))
    raw = [(name.encode("latin-1"), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    body = b"" if method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body, "more_body": bool(unread)})
    if unread:
        await _discard(unread)
        await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    """Read the rest of a body for a while: a client that is cut off misses the response."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
