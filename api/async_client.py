"""The client for asyncio: `client.Client`, method by method, without blocking."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from typing import Any, Self, TypeVar

from lading.api.answers import Answer
from lading.api.caller import Caller
from lading.api.calls import (
    OK,
    TIMEOUT_S,
    ServerAnswer,
    Unreached,
    answer_of,
    exchange_async,
    options,
    reaching,
)
from lading.api.conversation import Conversation, Opened, Sent, begun, chosen, posting
from lading.api.events import EventReader
from lading.api.remote_models import Api, Ask
from lading.api.retrying import USUAL, Retries

T = TypeVar("T")
A = TypeVar("A", bound="ServerAnswer | Opened[Any]")


class AsyncClient:
    """Does what `Client` does, for asyncio.

    It closes its connections at the end of an `async with` block, or by `close`.

    Args:
        url, token, sign, region, timeout_s, retries: those of `Client`.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        sign: bool = False,
        region: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: Retries = USUAL,
    ) -> None:
        import httpx

        self._talk = Conversation(Api(url, Caller(token, sign, region)))
        self._retries = retries
        self._http = httpx.AsyncClient(**options(timeout_s))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def predict(
        self,
        model: str,
        inputs: Any,
        *,
        version: int | None = None,
        label: str | None = None,
        signature: str = "",
        outputs: Iterable[str] = (),
    ) -> Answer:
        """Return a model's answer; see `Client.predict`."""
        choice = chosen(version, label, signature, outputs)
        return await self._drive(self._talk.predicting(model, inputs, choice))

    async def models(self) -> list[dict[str, Any]]:
        """Return the descriptions of all models; errors are those of `predict`."""
        return await self._drive(self._talk.listing())

    async def describe(self, model: str) -> dict[str, Any]:
        """Return the description of one model; errors are those of `predict`."""
        return await self._drive(self._talk.describing(model))

    async def request(self, path: str, document: Any = None) -> ServerAnswer:
        """Return a response of any status; see `Client.request`."""
        return await self._ask(Ask(path) if document is None else posting(path, document))

    async def stream(self, path: str, document: Any) -> AsyncIterator[Any]:
        """Yield the events of an answer; see `Client.stream`."""
        ask = posting(path, document)
        found = await self._repeated(lambda: self._opened(self._talk.sent(ask)))
        reply, url = begun(found, path)
        reader = EventReader(url)
        try:
            with reaching(url):
                async for part in reply.aiter_bytes():
                    for event in reader.feed(part):
                        yield event
            for event in reader.end():
                yield event
        finally:
            await reply.aclose()

    async def _drive(self, steps: Generator[Ask, ServerAnswer, T]) -> T:
        try:
            ask = next(steps)
            while True:
                ask = steps.send(await self._ask(ask))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return] # the generator's T

    async def _ask(self, ask: Ask) -> ServerAnswer:
        async def once() -> ServerAnswer:
            sent = self._talk.sent(ask)
            return self._talk.checked(sent, await exchange_async(self._http, *sent))

        return await self._repeated(once)

    async def _opened(self, sent: Sent) -> ServerAnswer | Opened[Any]:
        """Return a response whose body is to be read in parts, or one that is an error."""
        started = time.perf_counter()
        with reaching(sent.url):
            request = self._http.build_request(
                "POST", sent.url, content=sent.body, headers=dict(sent.headers)
            )
            reply = await self._http.send(request, stream=True)
            if reply.status_code == OK:
                return Opened(reply, sent.url)
            try:
                return self._talk.checked(sent, answer_of(reply, await reply.aread(), started))
            finally:
                await reply.aclose()

    async def _repeated(self, once: Callable[[], Awaitable[A]]) -> A:
        attempt = 0
        while True:
            try:
                found = await once()
            except Unreached:
                wait = self._retries.wait_s(attempt, None)
                if wait is None:
                    raise
            else:
                wait = self._retries.wait_s(attempt, found)
                if wait is None:
                    return found
            await asyncio.sleep(wait)
            attempt += 1
