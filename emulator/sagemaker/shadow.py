"""A shadow variant: it gets copies of a share of the requests, and no caller sees its answers.

The answers of both variants are captured under the request's inference id, as SageMaker captures
those of an endpoint with `DataCaptureConfig`.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

from lading.emulator.errors import ContainerError, ExchangeBroken
from lading.emulator.processes.http_exchange import exchange
from lading.emulator.sagemaker.capture import Capture
from lading.emulator.sagemaker.endpoint import EndpointEngine, Exchanged, Mirrored, Note
from lading.emulator.sagemaker.metrics import unpublished
from lading.functions.contract.names import ENDPOINT

_OK, _BROKEN = 200, 500


@dataclass
class LocalShadow:
    """The shadow of an endpoint.

    Args:
        engine: the program behind it.
        share: its weight beside that of the production variant, which is 1.
        capture: where answers are captured.
        note: publishes the metrics of each request that it gets.
    """

    engine: EndpointEngine
    share: float
    capture: Capture
    note: Note = unpublished
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """See `Mirror.start`."""
        await self.engine.start()

    def offer(self, request: Mirrored) -> None:
        """See `Mirror.offer`."""
        task = asyncio.create_task(self._take(request))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        """See `Mirror.stop`."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.engine.stop()

    async def _take(self, request: Mirrored) -> None:
        await self._capture(ENDPOINT.variant, request, request.content_type, request.answer)
        if random.random() >= self.share:  # noqa: S311 a share of requests, not a secret
            return
        started = time.perf_counter()
        status = await self._answer(request)
        took_us = (time.perf_counter() - started) * 1e6
        name = request.endpoint
        await self.note(Exchanged(name, name, status, took_us, ENDPOINT.shadow))

    async def _answer(self, request: Mirrored) -> int:
        """Let the engine answer, and capture that; return its status, 500 without an answer."""
        try:
            path, body = await self.engine.request(request.body)
            address = await self.engine.address()
            async with exchange(address, "POST", path, request.headers, body) as reply:
                answer = await reply.body()
        except (ContainerError, ExchangeBroken):
            return _BROKEN
        if reply.status == _OK:
            content_type = reply.headers.get("content-type", "")
            await self._capture(ENDPOINT.shadow, request, content_type, answer)
        return reply.status

    async def _capture(
        self, variant: str, request: Mirrored, content_type: str, answer: bytes
    ) -> None:
        written = request.endpoint, variant, request.inference_id, content_type, answer
        await asyncio.to_thread(self.capture.write, *written)
