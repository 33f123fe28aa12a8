"""The limit of concurrent calls, including idle streams, and their end at shutdown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc

T = TypeVar("T")


class Room:
    """A limited number of places for calls, in one event loop.

    Args:
        most: how many there are.
        ending: done when the server stops; idle streams then end, too.
    """

    def __init__(self, most: int, ending: asyncio.Future[None]) -> None:
        self._left, self._ending = most, ending

    @asynccontextmanager
    async def place(self, context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
        """Hold a place for a call while the block runs; if there is none, refuse the call."""
        if not self._left:
            text = "too many concurrent calls; retry later"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1

    async def each(
        self, requests: AsyncIterator[T], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[T]:
        """Yield the requests of a stream, until its client ends it or the server stops."""
        while True:
            coming = asyncio.ensure_future(anext(requests))
            try:
                await asyncio.wait((coming, self._ending), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is shutting down")
                request = coming.result()
            except StopAsyncIteration:
                return
            finally:
                coming.cancel()
            yield request
