"""The `sagemaker-runtime` API on this machine, in front of local processes.

An ASGI application with SageMaker's rules: its limits, its errors, and the headers that it passes
on. It also answers the operations of the `sagemaker` API that describe an endpoint's state, and
UpdateEndpoint. An unmodified boto3 works with it; signatures are not checked.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from lading.emulator.gateway.api import Access
from lading.emulator.sagemaker.answer import EmulatedAnswer
from lading.emulator.sagemaker.descriptions import describe
from lading.emulator.sagemaker.endpoint import EndpointLimits, LocalEndpoint, Note
from lading.emulator.sagemaker.invocation import Invocation, respond_in_parts, respond_whole
from lading.emulator.sagemaker.metrics import unpublished
from lading.emulator.sagemaker.refusals import (
    SageMakerRefusal,
    document_of,
    endpoint_not_found,
    too_large,
)
from lading.emulator.sagemaker.updates import Updates
from lading.functions.inference.wire.asgi import Receive, Scope, Send
from lading.functions.inference.wire.messages import read_headers

_PATH = re.compile(r"/endpoints/(?P<name>[^/]{1,63})/(?P<operation>[a-z-]+)")
_UPDATE = "SageMaker.UpdateEndpoint"
_OPERATIONS = MappingProxyType(
    {"invocations": respond_whole, "invocations-response-stream": respond_in_parts}
)


class SageMakerRuntime:
    """The API in front of endpoints.

    Args:
        endpoints: the endpoints that can be invoked.
        on_access: called for each answered request.
        updates: what endpoints can be updated to.
        note: publishes the metrics of each request.
    """

    def __init__(
        self,
        endpoints: Iterable[LocalEndpoint],
        on_access: Callable[[Access], None] = lambda _: None,
        updates: Updates | None = None,
        note: Note = unpublished,
    ) -> None:
        self.endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._on_access, self._note = on_access, note
        self._updates = updates or Updates()

    async def start(self) -> None:
        """Bring every endpoint into service.

        Raises:
            ContainerNotReady: one does not start.
        """
        await asyncio.gather(*(endpoint.start() for endpoint in self.endpoints.values()))

    async def stop(self) -> None:
        """Stop every endpoint."""
        await self._updates.stop()
        await asyncio.gather(*(endpoint.stop() for endpoint in self.endpoints.values()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"SageMaker has no {scope['type']} connections here")
        answer = EmulatedAnswer(send)
        started = time.perf_counter()
        reason = ""
        try:
            await self._answer(scope, receive, answer)
        except SageMakerRefusal as refused:
            reason = refused.reason
            await answer.refuse(refused)
        elapsed = (time.perf_counter() - started) * 1000
        access = Access(scope["method"], scope["path"], answer.status, elapsed, answer.size, reason)
        self._on_access(access)

    async def _answer(self, scope: Scope, receive: Receive, answer: EmulatedAnswer) -> None:
        headers = read_headers(scope["headers"])
        if scope["path"] == "/":
            target = headers.get("x-amz-target", "")
            body = await _read(receive, headers, EndpointLimits().payload)
            await answer.whole(200, {}, json.dumps(self._control(target, document_of(body))))
            return
        found = _PATH.fullmatch(scope["path"])
        if found is None or found["operation"] not in _OPERATIONS or scope["method"] != "POST":
            raise SageMakerRefusal(
                "UnknownOperationException", 404, f"no operation {scope['path'][:100]}"
            )
        endpoint = self.endpoints.get(found["name"])
        if endpoint is None:
            raise endpoint_not_found(found["name"])
        body = await _read(receive, headers, endpoint.limits.payload)
        respond = _OPERATIONS[found["operation"]]
        await respond(Invocation(endpoint, headers, body, self._note), receive, answer)

    def _control(self, target: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an operation of the `sagemaker` API."""
        if target != _UPDATE:
            return describe(self.endpoints, target, request)
        described = describe(self.endpoints, "SageMaker.DescribeEndpoint", request)
        self._updates.begin(self.endpoints[described["EndpointName"]], request)
        return {"EndpointArn": described["EndpointArn"]}


async def _read(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Return the body; one that is too long is read to its end, but not kept."""
    announced = headers.get("content-length", "")
    too_long = announced.isdecimal() and int(announced) > limit
    chunks, size = [], 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        too_long = too_long or size > limit
        if not too_long:
            chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    if too_long:
        raise too_large(limit)
    return b"".join(chunks)
