"""One invocation of an endpoint: the request to its container, and the response."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from lading.emulator.errors import ExchangeBroken
from lading.emulator.processes.http_exchange import Reply, exchange
from lading.emulator.sagemaker import event_stream
from lading.emulator.sagemaker.answer import EmulatedAnswer
from lading.emulator.sagemaker.endpoint import Exchanged, LocalEndpoint, Mirrored, Note
from lading.emulator.sagemaker.refusals import (
    SageMakerRefusal,
    broken,
    invalid,
    model_error,
    timed_out,
)
from lading.functions.contract.names import ENDPOINT
from lading.functions.inference.wire.asgi import Receive

HEADER_PREFIX = "x-amzn-sagemaker-"
_CUSTOM = f"{HEADER_PREFIX}custom-attributes"
_COMPONENT = f"{HEADER_PREFIX}inference-component"
_INFERENCE_ID = f"{HEADER_PREFIX}inference-id"
_LONGEST_ATTRIBUTES = 1024
_SUCCESS = range(200, 300)
_BROKEN = 500
_PASSED_IN = frozenset(
    {
        *("content-type", "accept", _CUSTOM, f"{HEADER_PREFIX}target-model"),
        *(_INFERENCE_ID, f"{HEADER_PREFIX}session-id"),
    }
)
"""Headers that reach a container; all others are removed."""

_PASSED_OUT = frozenset(
    {_CUSTOM, f"{HEADER_PREFIX}new-session-id", f"{HEADER_PREFIX}closed-session-id", "content-type"}
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One request for an endpoint; header names are in lower case."""

    endpoint: LocalEndpoint
    headers: Mapping[str, str]
    body: bytes
    note: Note

    def container_headers(self, accept: str = "accept") -> dict[str, str]:
        """Return the headers for the container; `accept` names the API's header for Accept.

        Raises:
            SageMakerRefusal: the custom attributes are too long.
        """
        if len(self.headers.get(_CUSTOM, "")) > _LONGEST_ATTRIBUTES:
            raise invalid(
                "1 validation error detected: Value at 'customAttributes' failed to satisfy "
                f"constraint: Member must have length less than or equal to {_LONGEST_ATTRIBUTES}"
            )
        passed = {key: value for key, value in self.headers.items() if key in _PASSED_IN}
        if accept in self.headers:
            passed["accept"] = self.headers[accept]
        return passed

    def mirror(self, reply: Reply, answer: bytes) -> None:
        """Let the shadow variant have a copy of the request, now that its caller has the answer."""
        if self.endpoint.mirror is not None:
            headers, id_ = self.container_headers(), self.headers.get(_INFERENCE_ID, "")
            content_type = reply.headers.get("content-type", "")
            self.endpoint.mirror.offer(
                Mirrored(self.endpoint.name, headers, self.body, id_, content_type, answer)
            )

    @contextlib.asynccontextmanager
    async def send(self, headers: Mapping[str, str]) -> AsyncIterator[Reply]:
        """Send the request to the container, and yield its response.

        Raises:
            SageMakerRefusal: the endpoint is not in service, or the container failed.
        """
        fleet, started, status = self.endpoint.draw(), time.perf_counter(), _BROKEN
        address = await self.endpoint.admit(self.headers.get(_COMPONENT, ""), fleet)
        path, body = await fleet.engine.request(self.body)
        try:
            async with exchange(address, "POST", path, headers, body) as reply:
                status = reply.status
                if status not in _SUCCESS:
                    message = (await reply.body()).decode(errors="replace")
                    raise model_error(status, message, self.endpoint.log_group)
                yield reply
        except ExchangeBroken as error:
            status = _BROKEN
            await fleet.engine.check()
            raise broken(self.endpoint.log_group, str(error)) from error
        finally:
            took_us = (time.perf_counter() - started) * 1e6
            await self.note(Exchanged(self.endpoint.name, fleet.config, status, took_us))


async def respond_whole(call: Invocation, _receive: Receive, answer: EmulatedAnswer) -> None:
    """Answer with the container's complete response.

    Raises:
        SageMakerRefusal: the container failed, or its response is too long.
    """
    limits = call.endpoint.limits
    try:
        async with asyncio.timeout(limits.seconds), call.send(call.container_headers()) as reply:
            body = await reply.body()
    except TimeoutError as error:
        raise timed_out(call.endpoint.log_group, limits.seconds) from error
    if len(body) > limits.payload:
        reason = f"the response has {len(body)} bytes; SageMaker's limit is {limits.payload}"
        raise model_error(reply.status, reason, call.endpoint.log_group)
    await answer.whole(200, _passed_out(reply), body)
    call.mirror(reply, body)


async def respond_in_parts(call: Invocation, receive: Receive, answer: EmulatedAnswer) -> None:
    """Stream the container's response; a client that disconnects is noticed at the next part.

    Raises:
        SageMakerRefusal: the container failed; after the first part an exception ends the stream.
    """
    limits, headers = call.endpoint.limits, call.container_headers(f"{HEADER_PREFIX}accept")
    gone = asyncio.ensure_future(receive())
    deadline = asyncio.get_running_loop().time() + limits.seconds
    try:
        async with asyncio.timeout_at(deadline) as patience, call.send(headers) as reply:
            patience.reschedule(deadline - limits.seconds + limits.stream_seconds)
            passed = _passed_out(reply)
            passed[f"{HEADER_PREFIX}content-type"] = passed.pop("content-type", "")
            await answer.begin(passed | {"content-type": event_stream.CONTENT_TYPE})
            async for part in reply.parts():
                if gone.done():
                    return
                await answer.part(event_stream.event("PayloadPart", part))
        await answer.end()
    except (TimeoutError, SageMakerRefusal) as error:
        if not answer.status:
            late = isinstance(error, TimeoutError)
            raise timed_out(call.endpoint.log_group, limits.seconds) if late else error from error
        await answer.part(event_stream.exception("ModelStreamError", _stream_error(error)))
        await answer.end()
    finally:
        gone.cancel()


def _stream_error(error: Exception) -> dict[str, str]:
    if isinstance(error, TimeoutError):
        text = "The model failed to finish sending the response within the timeout period"
        return {"ErrorCode": "ModelInvocationTimeExceeded", "Message": text}
    text = "The TCP connection was closed before the response stream completed"
    return {"ErrorCode": "StreamBroken", "Message": text}


def _passed_out(reply: Reply) -> dict[str, str]:
    headers = {key: value for key, value in reply.headers.items() if key in _PASSED_OUT}
    return headers | {"x-amzn-invoked-production-variant": ENDPOINT.variant}
