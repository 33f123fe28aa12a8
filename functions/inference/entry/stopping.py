"""How a server stops: it is not ready, then takes nothing new, then refuses what is left.

At the signal readiness fails, and each answer says `connection: close`. For a moment everything
else goes on, since load balancers and callers with open connections learn of it only now. Then the
listening socket and idle connections are closed. What is not answered at the end of the grace gets
its dialect's 503, so that its caller may ask another server.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from lading.functions.inference.callers.limits import CallerLimits

if TYPE_CHECKING:
    from lading.functions.inference.callers.callers import Callers

LAST_S: Final = 1
"""Seconds of the grace that are kept for refusing what is left."""

_STEP_S = 0.05


def grace_of(limits: CallerLimits) -> int:
    """Return the seconds in which requests may end, after the linger and before what is left."""
    return max(1, limits.grace_s - limits.linger_s - LAST_S)


class Stopping:
    """The end of one server.

    Args:
        callers: its connections.
        not_ready: called at the signal; from then on readiness fails.
        linger_s: seconds in which connections are still accepted and kept.
    """

    def __init__(
        self,
        callers: "Callers | None" = None,
        not_ready: Callable[[], object] = lambda: None,
        linger_s: float = 0,
    ) -> None:
        self._callers, self._not_ready, self._linger_s = callers, not_ready, linger_s

    async def linger(self, hurried: Callable[[], bool]) -> None:
        """Announce the end, and go on for a moment unless someone is in a hurry."""
        self._not_ready()
        if self._callers is not None:
            self._callers.drain()
        for _ in range(int(self._linger_s / _STEP_S)):
            if hurried():
                break
            await asyncio.sleep(_STEP_S)

    async def refuse(self, tasks: Collection["asyncio.Future[Any]"]) -> None:
        """Refuse what is left, by tasks that uvicorn has cancelled and of bodies under way."""
        if self._callers is not None:
            for connection in tuple(self._callers.open):
                connection.abandon()
        if tasks:
            await asyncio.wait(tuple(tasks), timeout=LAST_S)
        await asyncio.sleep(0)  # the callbacks of cancelled futures
