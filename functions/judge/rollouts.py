"""What the judge of any roll-out needs of it: which one is under way, and how to end it."""

from typing import NamedTuple, Protocol


class Shift(NamedTuple):
    """A roll-out that moves traffic from an old version to a new one.

    Args:
        deployment: its id.
        old: the version that traffic shifts from, as counts name it.
        new: the version that it shifts to.
        started_ms: when it started, in milliseconds since 1970.
        shown: both versions as people know them; empty: as counts name them.
    """

    deployment: str
    old: str
    new: str
    started_ms: int
    shown: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The old and the new version as people know them."""
        return self.shown or (self.old, self.new)


class Rollouts(Protocol):
    """The roll-outs of one model in one place."""

    def current(self) -> Shift | None:
        """Return the roll-out that is under way; None for none, or for one that goes back.

        Raises:
            ClientError, ValueError: the place cannot be read.
        """

    def shift(self, deployment: str) -> Shift | None:
        """Return what a roll-out does; None if it brings an old version back.

        Raises:
            ClientError, ValueError: it is unknown, or the place cannot be read.
        """

    def stop(self, deployment: str) -> str:
        """End a roll-out, so that all traffic goes to the old version; return what became of it."""
