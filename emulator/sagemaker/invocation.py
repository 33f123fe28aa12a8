"""One invocation of an endpoint: what its container is told, and what comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from lading.emulator.errors import ExchangeBroken
from lading.emulator.processes.http_exchange import Reply, exchange
from lading.emulator.sagemaker import event_stream
from lading.emulator.sagemaker.answer import Answer
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.emulator.sagemaker.refusals import (
    SageMakerRefusal,
    broken,
    invalid,
    model_error,
    timed_out,
)
from lading.functions.contract.names import ENDPOINT
from lading.functions.inference.wire.asgi import Receive

_PREFIX = "x-amzn-sagemaker-"
_CUSTOM = f"{_PREFIX}custom-attributes"
_LONGEST_ATTRIBUTES = 1024
_PASSED_IN = frozenset(
    {
        *("content-type", "accept", _CUSTOM, f"{_PREFIX}target-model"),
        *(f"{_PREFIX}inference-id", f"{_PREFIX}session-id"),
    }
)
"""Headers that reach a container; every other is stripped."""

_PASSED_OUT = frozenset(
    {_CUSTOM, f"{_PREFIX}new-session-id", f"{_PREFIX}closed-session-id", "content-type"}
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One request for an endpoint; header names are lower case."""

    endpoint: LocalEndpoint
    headers: Mapping[str, str]
    body: bytes

    def container_headers(self, accept: str = "accept") -> dict[str, str]:
        """The headers that reach the container; `accept` is where the API carries Accept.

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

    @contextlib.asynccontextmanager
    async def ask(self, headers: Mapping[str, str]) -> AsyncIterator[Reply]:
        """Ask the container, and give what it answers.

        Raises:
            SageMakerRefusal: there is no such answer.
        """
        address = await self.endpoint.admit(self.headers.get(f"{_PREFIX}inference-component", ""))
        path, body = await self.endpoint.engine.request(self.body)
        try:
            async with exchange(address, "POST", path, headers, body) as reply:
                if reply.status // 100 != 2:  # noqa: PLR2004
                    message = (await reply.body()).decode(errors="replace")
                    raise model_error(reply.status, message, self.endpoint.log_group)
                yield reply
        except ExchangeBroken as error:
            await self.endpoint.engine.check()
            raise broken(self.endpoint.log_group, str(error)) from error


async def respond_whole(call: Invocation, _receive: Receive, answer: Answer) -> None:
    """Answer with the whole of what the container answers.

    Raises:
        SageMakerRefusal: there is no such answer.
    """
    limits = call.endpoint.limits
    try:
        async with asyncio.timeout(limits.seconds), call.ask(call.container_headers()) as reply:
            body = await reply.body()
    except TimeoutError as error:
        raise timed_out(call.endpoint.log_group, limits.seconds) from error
    if len(body) > limits.payload:
        reason = f"the answer has {len(body)} bytes, SageMaker gives back {limits.payload}"
        raise model_error(reply.status, reason, call.endpoint.log_group)
    await answer.whole(200, _passed_out(reply), body)


async def respond_in_parts(call: Invocation, receive: Receive, answer: Answer) -> None:
    """Stream what the container answers; a client that has gone is noticed with the next part.

    Raises:
        SageMakerRefusal: there is no such answer; a later error ends the stream with an exception.
    """
    limits, headers = call.endpoint.limits, call.container_headers(f"{_PREFIX}accept")
    gone = asyncio.ensure_future(receive())
    deadline = asyncio.get_running_loop().time() + limits.seconds
    try:
        async with asyncio.timeout_at(deadline) as patience, call.ask(headers) as reply:
            patience.reschedule(deadline - limits.seconds + limits.stream_seconds)
            passed = _passed_out(reply)
            passed[f"{_PREFIX}content-type"] = passed.pop("content-type", "")
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
