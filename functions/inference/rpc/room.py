"""The limits of concurrent calls and of idle streams, and the end of calls at shutdown.

Nothing here calls `context.abort`: its exception stays in the call's state with the frames that it
passed, and so with the request, for as long as the process runs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

import grpc

FULL: Final = "too many concurrent calls; retry later"
ENDING: Final = "the server is shutting down"

_CHECKS: Final = 4
"""How often idle streams are looked at while the longest idle time passes."""


PUSHBACK: Final = "grpc-retry-pushback-ms"
"""gRPC's own form of `Retry-After`: clients with a retry policy wait for so long
(https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback)."""


def end(
    context: grpc.aio.ServicerContext, code: grpc.StatusCode, text: str, retry_after_s: int = 0
) -> bytes:
    """Give a call its status; its handler must return what this returns, or nothing more.

    Args:
        context: the call.
        code: its status.
        text: why.
        retry_after_s: when a retry may help, in seconds; 0 if that is not known.
    """
    context.set_code(code)
    context.set_details(text)
    if retry_after_s:
        context.set_trailing_metadata(((PUSHBACK, str(1000 * retry_after_s)),))
    return b""


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None, "gRPC calls handlers in tasks"
    return task


class CallRoom:
    """A limited number of places for calls, in one event loop.

    Args:
        most: how many there are.
        ending: done when the server stops; idle streams then end, too.
        idle_s: seconds after which a stream ends whose client sends nothing.
        full: called when there is no place for a call.
    """

    def __init__(
        self,
        most: int,
        ending: asyncio.Future[None],
        idle_s: float = float("inf"),
        full: Callable[[], None] = lambda: None,
    ) -> None:
        self._full = full
        self._left, self._ending, self._idle_s = most, ending, idle_s
        self._held: set[asyncio.Task[Any]] = set()
        self.refusing = False
        """Whether a call is cancelled because the server stops, not because its client is gone."""
        self._idle: dict[asyncio.Task[Any], float] = {}
        self._check: asyncio.TimerHandle | None = None
        ending.add_done_callback(lambda _: self._end_idle(float("inf")))

    @contextmanager
    def place(self, context: grpc.aio.ServicerContext) -> Iterator[bool]:
        """Hold a place for a call while the block runs; False: there is none, and it is refused."""
        if not self._left:
            end(context, grpc.StatusCode.RESOURCE_EXHAUSTED, FULL, 1)
            self._full()
            yield False
            return
        task = _current_task()
        self._left -= 1
        self._held.add(task)
        try:
            yield True
        finally:
            self._left += 1
            self._held.discard(task)

    def refuse(self) -> None:
        """Cancel the calls that are left when the server has no more time; see `refusing`."""
        self.refusing = True
        for task in tuple(self._held):
            task.cancel()

    async def each(self, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        """Yield the requests of a stream, until one side ends it or it has been idle too long."""
        while (request := await self._read(context)) is not grpc.aio.EOF:
            yield request

    async def _read(self, context: grpc.aio.ServicerContext) -> Any:
        """Return the next request of a stream, or the end of it.

        No task is made for a request: that would take longer than to answer it.
        """
        task = _current_task()
        if self._ending.done():
            return self._ended(context)
        self._idle[task] = monotonic()
        self._watch()
        try:
            return await context.read()
        except asyncio.CancelledError:
            if task in self._idle:
                raise  # the client is gone
            return self._ended(context)
        finally:
            self._idle.pop(task, None)

    def _ended(self, context: grpc.aio.ServicerContext) -> Any:
        if self._ending.done():
            end(context, grpc.StatusCode.UNAVAILABLE, ENDING)
        else:
            text = f"the stream was idle for {self._idle_s:g} s"
            end(context, grpc.StatusCode.DEADLINE_EXCEEDED, text)
        return grpc.aio.EOF

    def _watch(self) -> None:
        if self._check is None and self._idle_s != float("inf"):
            loop = asyncio.get_running_loop()
            self._check = loop.call_later(self._idle_s / _CHECKS, self._look)

    def _look(self) -> None:
        self._check = None
        self._end_idle(monotonic() - self._idle_s)
        if self._idle:
            self._watch()

    def _end_idle(self, since: float) -> None:
        """End the streams that have been idle since then."""
        for task in [task for task, begun in self._idle.items() if begun <= since]:
            del self._idle[task]
            task.cancel()
