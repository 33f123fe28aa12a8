"""How many calls a server holds at once, silent streams among them, and until when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc

T = TypeVar("T")


class Room:
    """Places for calls, in one event loop.

    Args:
        most: how many there are.
        ending: done when the server ends; streams that wait for their clients then end, too.
    """

    def __init__(self, most: int, ending: asyncio.Future[None]) -> None:
        self._left, self._ending = most, ending

    @asynccontextmanager
    async def place(self, context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
        """Keep a place for a call while the block runs; without one the call is refused."""
        if not self._left:
            text = "too many calls at once; try again when some have ended"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1

    async def each(
        self, requests: AsyncIterator[T], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[T]:
        """The requests of a stream, until its client ends it, or the server ends."""
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
