"""The share of one caller in a server: so many of its requests at a time, whatever they wait for.

Only callers that a gateway names have one; all others could not be told apart.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from lading.functions.contract.errors import CallerAtLimit


class Shares:
    """The requests under way of each caller. Only the event loop uses it.

    Args:
        most: how many requests of one caller may be under way.
    """

    def __init__(self, most: int) -> None:
        self._most, self._held = most, Counter[str]()

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Hold a place in the block; an unnamed caller needs none.

        Raises:
            CallerAtLimit: the caller holds all of its own.
        """
        if not caller:
            yield
            return
        if self._held[caller] >= self._most:
            raise CallerAtLimit(self._most)
        self._held[caller] += 1
        try:
            yield
        finally:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]
