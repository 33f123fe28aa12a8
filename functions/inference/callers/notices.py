"""One log line when a limit is reached, not one for each caller that it stops."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

EVERY_S: Final = 60.0
"""Seconds between two lines about one limit; the next one says how many events there were."""

_LOGGER: Final = "lading.limits"
"""Powertools keeps the lines of loggers from the log whose names contain that of its own."""


class Notices:
    """The log of the limits that were reached.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def note(self, limit: str, reached: str) -> None:
        """Log that a limit was reached, unless there was a line about it in the last minute.

        Args:
            limit: the variable that sets it.
            reached: what happened.
        """
        now = self._clock()
        if now - self._told.get(limit, -EVERY_S) < EVERY_S:
            self._untold[limit] = self._untold.get(limit, 0) + 1
            return
        self._told[limit] = now
        more = self._untold.pop(limit, 0)
        since = f"; {more} times since the last line" if more else ""
        logging.getLogger(_LOGGER).warning("limit reached: %s (%s)%s", reached, limit, since)
