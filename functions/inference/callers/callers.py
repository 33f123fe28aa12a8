"""The connections of one server: how many there are, and which of them take too long.

No request has a timer of its own. Once a second every connection is looked at, and what it is doing
is compared with what it was doing a second ago. So an ordinary request costs nothing.
"""

from asyncio import AbstractEventLoop
from typing import Final, Protocol

from lading.functions.contract.names import CONTAINER
from lading.functions.inference.callers.budget import Boundless, Budget
from lading.functions.inference.callers.descriptors import connections_within
from lading.functions.inference.callers.limits import CallerLimits
from lading.functions.inference.callers.notices import Notices

EVERY_S: Final = 1.0
"""Seconds between two looks at the connections."""

_VARIABLES: Final = CONTAINER.caller_limits


class Guarded(Protocol):
    """A connection that keeps the limits; see `connection.GuardedProtocol`."""

    def look(self, now: float) -> None:
        """End the connection if its caller is too slow; `now` is the event loop's time."""

    def drain(self) -> None:
        """Make the answer to the current request the last one."""

    def abandon(self) -> None:
        """Refuse a request that is not complete, because the time to stop is over."""


class Callers:
    """The connections of one server, within their limits.

    Args:
        limits: the limits.
        budget: counts the bytes of bodies that are not complete.
        notices: the log of limits that were reached.
    """

    def __init__(
        self,
        limits: CallerLimits | None = None,
        budget: Budget | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.limits = limits or CallerLimits()
        self.budget, self._notices = budget or Boundless(), notices or Notices()
        self.draining = False
        """Whether the server stops: each answer is then the last of its connection."""
        self.open: set[Guarded] = set()
        self._most: int | None = None
        self._watched = False

    def admit(self, connection: Guarded, loop: AbstractEventLoop) -> bool:
        """Count a connection, and return whether there is room for it."""
        if self._most is None:
            most, spare = self.limits.most_connections, self.limits.spare_descriptors
            self._most = connections_within(most, spare)
        if len(self.open) >= self._most:
            self.note("most_connections", f"{self._most} connections are open")
            return False
        self.open.add(connection)
        if not self._watched:
            self._watched = True
            loop.call_later(EVERY_S, self._look, loop)
        return True

    def note(self, limit: str, reached: str) -> None:
        """Log that a limit was reached; `limit` is its name in `CallerLimits`."""
        self._notices.note(_VARIABLES.get(limit, CONTAINER.longest_body), reached)

    def drain(self) -> None:
        """Make the next answer of each connection its last one."""
        self.draining = True
        for connection in self.open:
            connection.drain()

    def _look(self, loop: AbstractEventLoop) -> None:
        """Look at every connection, as long as there are any."""
        now = loop.time()
        for connection in tuple(self.open):
            connection.look(now)
        self._watched = bool(self.open)
        if self._watched:
            loop.call_later(EVERY_S, self._look, loop)
