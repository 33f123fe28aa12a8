"""One after another: who still waits may leave, what has begun goes on to its end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """Does one piece of work at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._free = asyncio.Lock()
        self._at_work: asyncio.Task[Any] | None = None

    async def take(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for a turn, and give what `work` returns.

        A caller that is canceled while it waits has no turn; `work` that has begun keeps its turn
        until it ends, whoever still listens.
        """
        await self._free.acquire()
        self._at_work = task = asyncio.ensure_future(work())
        task.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(task)
