"""Work in turns: waiting work can be canceled, running work runs to its end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """A queue that does the work in the order of arrival.

    Args:
        at_once: how many pieces of work run at the same time.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._at_work: set[asyncio.Task[Any]] = set()

    async def take(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for a turn, and return the result of `work`.

        A caller that is canceled while it waits gives its turn up. Work that has begun keeps its
        turn until it ends, even when its caller is canceled.
        """
        await self._free.acquire()
        task = asyncio.ensure_future(work())
        self._at_work.add(task)
        task.add_done_callback(self._end)
        return await asyncio.shield(task)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._at_work.discard(task)
        self._free.release()
