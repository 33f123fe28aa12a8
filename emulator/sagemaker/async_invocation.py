"""InvokeEndpointAsync: the request is taken now, and its answer is written to S3 later.

As on SageMaker, one that comes while the endpoint has no copy waits for it. No topic is told of the
end; whoever waits looks for the answer or the failure where the first reply says.
"""

import asyncio
import json
import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lading.emulator.cloud.s3_objects import S3Objects
from lading.emulator.sagemaker.answer import Answer
from lading.emulator.sagemaker.invocation import Invocation
from lading.emulator.sagemaker.refusals import SageMakerRefusal, invalid, timed_out, too_large
from lading.functions.inference.wire.asgi import Receive

_PREFIX = "x-amzn-sagemaker-"
_AGAIN_SECONDS = 0.1
_MOST_SECONDS = 3600


class Objects(Protocol):
    """Where requests are read from and answers are written to."""

    def read(self, address: str) -> bytes:
        """An object's content.

        Raises:
            OSError: it cannot be read.
        """

    def write(self, address: str, content: bytes, content_type: str) -> None:
        """Write an object.

        Raises:
            OSError: it cannot be written.
        """


@dataclass
class AsyncPlace:
    """Where an endpoint writes what it answers later.

    Args:
        answers: `s3://bucket/prefix` of answers.
        failures: the same of failures.
        objects: reads and writes there.
    """

    answers: str
    failures: str
    objects: Objects = field(default_factory=S3Objects)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that nobody waits for."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Leave undone what is not done."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def respond_later(call: Invocation, _receive: Receive, answer: Answer) -> None:
    """Take a request, and say where its answer will be.

    Raises:
        SageMakerRefusal: it cannot be taken.
    """
    place = call.endpoint.asynchronous
    if not isinstance(place, AsyncPlace):
        raise invalid(f"Endpoint {call.endpoint.name} is not configured for asynchronous inference")
    source = call.headers.get(f"{_PREFIX}inputlocation", "")
    if bool(source) == bool(call.body):
        raise invalid("Exactly one of Body and InputLocation must be given")
    if len(call.body) > call.endpoint.limits.inline_payload:
        raise too_large(call.endpoint.limits.inline_payload)
    seconds = _seconds(call.headers, call.endpoint.limits.asynchronous_seconds)
    name = str(uuid.uuid4())
    identity = call.headers.get(f"{_PREFIX}inference-id") or name
    answers, failures = f"{place.answers}/{name}.out", f"{place.failures}/{name}-error.out"
    place.begin(_work(place, call, source, (answers, failures, seconds)))
    told = {f"{_PREFIX}outputlocation": answers, f"{_PREFIX}failurelocation": failures}
    await answer.whole(202, told, json.dumps({"InferenceId": identity}))


async def _work(
    place: AsyncPlace, call: Invocation, source: str, told: tuple[str, str, float]
) -> None:
    answers, failures, seconds = told
    try:
        body = await asyncio.to_thread(place.objects.read, source) if source else call.body
        async with asyncio.timeout(seconds):
            content, content_type = await _ask(Invocation(call.endpoint, call.headers, body))
        await asyncio.to_thread(place.objects.write, answers, content, content_type)
    except TimeoutError:
        late = timed_out(call.endpoint.log_group, seconds)
        await asyncio.to_thread(place.objects.write, failures, late.text.encode(), "text/plain")
    except (SageMakerRefusal, OSError) as error:
        await asyncio.to_thread(place.objects.write, failures, str(error).encode(), "text/plain")


async def _ask(call: Invocation) -> tuple[bytes, str]:
    """The container's answer and its type, waited for while there is no container."""
    headers = call.container_headers(f"{_PREFIX}accept")
    headers["content-type"] = call.headers.get(f"{_PREFIX}content-type", "")
    while call.endpoint.asleep_now:
        call.endpoint.wake()
        await asyncio.sleep(_AGAIN_SECONDS)
    async with call.ask(headers) as reply:
        return await reply.body(), reply.headers.get("content-type", "")


def _seconds(headers: Mapping[str, str], default: float) -> float:
    text = headers.get(f"{_PREFIX}invocationtimeoutseconds")
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_SECONDS):
        raise invalid(f"InvocationTimeoutSeconds must be between 1 and {_MOST_SECONDS}")
    return float(text)
