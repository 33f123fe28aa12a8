"""One piece of work at a time: waiting work can be canceled, running work runs to its end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """A queue that does one piece of work at a time, in the order of arrival."""

    def __init__(self) -> None:
        self._free = asyncio.Lock()
        self._at_work: asyncio.Task[Any] | None = None

    async def take(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Wait for a turn, and return the result of `work`.

        A caller that is canceled while it waits gives its turn up. Work that has begun keeps its
        turn until it ends, even when its caller is canceled.
        """
        await self._free.acquire()
        self._at_work = task = asyncio.ensure_future(work())
        task.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(task)
