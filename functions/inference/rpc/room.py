"""The limit of concurrent calls, including idle streams, and their end at shutdown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc


class Room:
    """A limited number of places for calls, in one event loop.

    Args:
        most: how many there are.
        ending: done when the server stops; idle streams then end, too.
    """

    def __init__(self, most: int, ending: asyncio.Future[None]) -> None:
        self._left, self._ending = most, ending
        self._idle: set[asyncio.Task[Any]] = set()
        ending.add_done_callback(self._end_idle)

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

    async def each(self, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        """Yield the requests of a stream, until its client ends it or the server stops."""
        while (request := await self._read(context)) is not grpc.aio.EOF:
            yield request

    async def _read(self, context: grpc.aio.ServicerContext) -> Any:
        """Return the next request of a stream; end the stream if the server stops meanwhile.

        No task is made for a request: that would take longer than to answer it.
        """
        task = asyncio.current_task()
        assert task is not None, "gRPC calls handlers in tasks"
        self._idle.add(task)
        try:
            if self._ending.done():
                await self._refuse(context)
            return await context.read()
        except asyncio.CancelledError:
            if self._ending.done():
                await self._refuse(context)
            raise
        finally:
            self._idle.discard(task)

    @staticmethod
    async def _refuse(context: grpc.aio.ServicerContext) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is shutting down")

    def _end_idle(self, _ending: asyncio.Future[None]) -> None:
        for task in self._idle:
            task.cancel()
