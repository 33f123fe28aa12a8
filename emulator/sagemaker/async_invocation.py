"""InvokeEndpointAsync: the request is accepted now, and its answer is written to S3 later.

As on SageMaker, a request to an endpoint without a copy waits for one. No SNS topic is notified:
callers look for the answer or the failure at the addresses in the first response.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping

from lading.emulator.sagemaker.answer import Answer
from lading.emulator.sagemaker.async_place import AsyncPlace
from lading.emulator.sagemaker.invocation import HEADER_PREFIX, Invocation
from lading.emulator.sagemaker.refusals import SageMakerRefusal, invalid, timed_out, too_large
from lading.functions.inference.wire.asgi import Receive

_AGAIN_SECONDS = 0.1
_MOST_SECONDS = 3600


async def respond_later(call: Invocation, _receive: Receive, answer: Answer) -> None:
    """Accept a request, and answer where its result will be.

    Raises:
        SageMakerRefusal: the request is not valid.
    """
    place, limits = call.endpoint.asynchronous, call.endpoint.limits
    if place is None:
        raise invalid(f"Endpoint {call.endpoint.name} is not configured for asynchronous inference")
    source = call.headers.get(f"{HEADER_PREFIX}inputlocation", "")
    if bool(source) == bool(call.body):
        raise invalid("Exactly one of Body and InputLocation must be given")
    if len(call.body) > limits.inline_payload:
        raise too_large(limits.inline_payload)
    seconds = _seconds(call.headers, limits.asynchronous_seconds)
    name = str(uuid.uuid4())
    identity = call.headers.get(f"{HEADER_PREFIX}inference-id") or name
    place.begin(_work(place, call, source, name, seconds))
    headers = {
        f"{HEADER_PREFIX}outputlocation": _answer_address(place, name),
        f"{HEADER_PREFIX}failurelocation": _failure_address(place, name),
    }
    await answer.whole(202, headers, json.dumps({"InferenceId": identity}))


def _answer_address(place: AsyncPlace, name: str) -> str:
    return f"{place.answers}/{name}.out"


def _failure_address(place: AsyncPlace, name: str) -> str:
    return f"{place.failures}/{name}-error.out"


async def _work(
    place: AsyncPlace, call: Invocation, source: str, name: str, seconds: float
) -> None:
    address = _failure_address(place, name)
    try:
        body = await asyncio.to_thread(place.objects.read, source) if source else call.body
        async with asyncio.timeout(seconds):
            content, kind = await _invoke(Invocation(call.endpoint, call.headers, body))
        address = _answer_address(place, name)
    except TimeoutError:
        content, kind = timed_out(call.endpoint.log_group, seconds).text.encode(), "text/plain"
    except (SageMakerRefusal, OSError) as error:
        content, kind = str(error).encode(), "text/plain"
    await asyncio.to_thread(place.objects.write, address, content, kind)


async def _invoke(call: Invocation) -> tuple[bytes, str]:
    """The container's answer and its type; waits as long as the endpoint has no copy."""
    headers = call.container_headers(f"{HEADER_PREFIX}accept")
    headers["content-type"] = call.headers.get(f"{HEADER_PREFIX}content-type", "")
    while call.endpoint.asleep_now:
        call.endpoint.wake()
        await asyncio.sleep(_AGAIN_SECONDS)
    async with call.send(headers) as reply:
        return await reply.body(), reply.headers.get("content-type", "")


def _seconds(headers: Mapping[str, str], default: float) -> float:
    text = headers.get(f"{HEADER_PREFIX}invocationtimeoutseconds")
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_SECONDS):
        raise invalid(f"InvocationTimeoutSeconds must be between 1 and {_MOST_SECONDS}")
    return float(text)
