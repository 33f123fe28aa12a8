"""The bytes of bodies that have been received and do not wait for a model yet."""

from typing import Protocol

from lading.functions.contract.errors import Overloaded


class Budget(Protocol):
    """Counts received bytes among those that a server may hold; see `lanes.admission`."""

    def receive(self, size: int) -> Overloaded | None:
        """Count more bytes; if there is no room for them, return why, and count none."""

    def forget(self, size: int) -> None:
        """Count them no longer: their caller is gone, or they wait for a model now."""


class Boundless:
    """The budget of a server without limits on bytes."""

    def receive(self, _size: int) -> Overloaded | None:
        """See `Budget.receive`."""
        return None

    def forget(self, _size: int) -> None:
        """See `Budget.forget`."""
