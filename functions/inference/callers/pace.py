"""Whether a caller sends its request, and takes its answer, as fast as it must."""

from typing import Any

from lading.functions.inference.callers.limits import CallerLimits


class Sending:
    """A request on its way, from the first look at it.

    Args:
        request: what tells it from the next request of its connection.
        since: when it was first seen, in seconds.
        received: bytes that the connection had received then.
    """

    __slots__ = ("received", "request", "since")

    def __init__(self, request: Any, since: float, received: int) -> None:
        self.request, self.since, self.received = request, since, received

    def late(self, now: float, received: int, limits: CallerLimits, *, body: bool) -> bool:
        """Return whether it takes too long: its head, or its body at the lowest rate."""
        if not body:
            return now - self.since > limits.head_s
        granted = limits.body_s + (received - self.received) / limits.slowest
        return now - self.since > granted


class Taking:
    """An answer that its caller has not taken yet.

    Args:
        since: when the caller last took enough of it, in seconds.
        left: bytes that were left then.
    """

    __slots__ = ("left", "since")

    def __init__(self, since: float, left: int) -> None:
        self.since, self.left = since, left

    def late(self, now: float, left: int, limits: CallerLimits) -> bool:
        """Return whether the caller has taken nothing, or too little, for too long."""
        if self.left - left >= limits.slowest * (now - self.since):
            self.since, self.left = now, left
        self.left = max(self.left, left)  # more was written meanwhile
        return now - self.since > limits.body_s
