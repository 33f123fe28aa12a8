"""The moment after which a caller no longer wants an answer.

Callers state it as a time from now: in the header `X-Request-Timeout`, in seconds; as the deadline
of a gRPC call; or in the request parameter `timeout` of Triton's schedule policy, in microseconds
(https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_schedule_policy.md).
"""

from collections.abc import Mapping
from time import monotonic
from typing import Final, NamedTuple

from lading.functions.contract.errors import MalformedRequest, brief

TIMEOUT_HEADER: Final = "x-request-timeout"

_MICROSECONDS = 1_000_000
_LONGEST = 24 * 60 * 60.0
"""Seconds; a longer time is cut to it."""
_INFINITE = float("inf")


class Deadline(NamedTuple):
    """A moment of the monotonic clock, in seconds; infinity for none."""

    at: float = _INFINITE

    def left(self) -> float:
        """Return the seconds until then; zero or less once it has passed."""
        return self.at - monotonic()

    def passed(self) -> bool:
        """Return whether it has passed."""
        return self.at <= monotonic()

    def stated(self) -> bool:
        """Return whether the caller stated one."""
        return self.at != _INFINITE

    def earlier(self, other: "Deadline") -> "Deadline":
        """Return the earlier of the two."""
        return min(self, other)


NEVER: Final = Deadline()


def within(seconds: float) -> Deadline:
    """Return the deadline that is `seconds` from now."""
    return Deadline(monotonic() + min(seconds, _LONGEST))


def deadline_of(headers: Mapping[str, str]) -> Deadline:
    """Return the deadline that a request's headers state; `NEVER` if they state none.

    Args:
        headers: values by name in lower case.

    Raises:
        MalformedRequest: `X-Request-Timeout` is not a number of seconds above 0.
    """
    text = headers.get(TIMEOUT_HEADER)
    return NEVER if text is None else within(_seconds(text))


def after_microseconds(arrived: float, timeout: int) -> Deadline:
    """Return the deadline of Triton's parameter `timeout`.

    Args:
        arrived: when the request arrived, on the monotonic clock.
        timeout: microseconds; 0 states none, as in Triton.
    """
    return Deadline(arrived + min(timeout / _MICROSECONDS, _LONGEST)) if timeout else NEVER


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < _INFINITE:  # also false for NaN
        raise MalformedRequest(
            f"X-Request-Timeout must be a number of seconds above 0, got '{brief(text)}'"
        )
    return seconds
