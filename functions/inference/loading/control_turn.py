"""Whose turn it is to load or unload models: one piece of work at a time, and no endless one."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic
from typing import Final, NamedTuple

from lading.functions.contract.errors import ControlBusy

LONGEST_S: Final = 600.0
"""Seconds after which the turn passes to the next, though a model is still being loaded."""


class TakenTurn(NamedTuple):
    """The turn of one piece of work: to which model it is done, what, and when it began."""

    name: str
    doing: str
    began: float

    def busy(self) -> ControlBusy:
        """Return the error for those who have no turn meanwhile."""
        return ControlBusy(self.name, f"{self.doing} model '{self.name}'", monotonic() - self.began)


class ControlTurn:
    """The turn of a server's model control. Predictions never wait for it.

    Args:
        longest_s: seconds that a turn may take, until the next may have its turn all the same. What
            has lost its turn changes nothing any more.
        patience_s: seconds to wait for a turn.
    """

    def __init__(self, longest_s: float = LONGEST_S, patience_s: float = 0.0) -> None:
        self.longest_s, self._patience_s = longest_s, patience_s
        self._changed, self._claim = Condition(), None

    _claim: TakenTurn | None

    @contextmanager
    def taken(self, doing: str, name: str) -> Iterator[TakenTurn]:
        """Have the turn in the block.

        Raises:
            ControlBusy: another has it.
        """
        claim = self._take(doing, name)
        try:
            yield claim
        finally:
            with self._changed:
                if self._claim is claim:
                    self._claim = None
                    self._changed.notify()

    @contextmanager
    def kept(self, claim: TakenTurn) -> Iterator[None]:
        """Let nobody else have the turn in the block, which must be short.

        Raises:
            ControlBusy: `claim` has lost it, since it took too long.
        """
        with self._changed:
            if self._claim is not claim:
                raise (self._claim or claim).busy()
            yield

    def _take(self, doing: str, name: str) -> TakenTurn:
        with self._changed:
            if not self._changed.wait_for(self._free, self._patience_s) and self._claim:
                raise self._claim.busy()
            self._claim = TakenTurn(name, doing, monotonic())
            return self._claim

    def _free(self) -> bool:
        return self._claim is None or monotonic() - self._claim.began > self.longest_s
