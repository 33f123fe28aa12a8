"""When a client asks again: after connection failures, and where a server says "not now"."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from lading.api.calls import ServerAnswer

NOT_NOW: Final = frozenset({429, 502, 503, 504})
"""The statuses after which the same request may succeed; a prediction changes nothing."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a client asks again.

    A server's `Retry-After` is obeyed. Without one, the wait is random, up to `first_wait_s`, which
    doubles each time, so that many clients do not return at once (AWS's "full jitter").

    Args:
        most: how many times a request is sent again; 0: never.
        longest_wait_s: the longest wait; a server that names a longer one is not asked again.
        first_wait_s: the upper bound of the first wait.
        draw: returns a random number in [0, 1).
    """

    most: int = 4
    longest_wait_s: float = 60.0
    first_wait_s: float = 0.5
    draw: Callable[[], float] = random.random

    def wait_s(self, attempt: int, answer: object) -> float | None:
        """Return the seconds to wait before the next attempt; None: there is none.

        Args:
            attempt: the number of the attempt that has ended, from 0.
            answer: its `ServerAnswer`; None if the server could not be reached; anything else is a
                stream that has begun.
        """
        if attempt >= self.most or not (answer is None or _not_now(answer)):
            return None
        stated = retry_after_s(answer) if isinstance(answer, ServerAnswer) else None
        if stated is not None:
            return stated if stated <= self.longest_wait_s else None
        return self.draw() * min(self.longest_wait_s, self.first_wait_s * 2.0**attempt)


def _not_now(answer: object) -> bool:
    return isinstance(answer, ServerAnswer) and answer.status in NOT_NOW


USUAL: Final = Retries()


def retry_after_s(answer: ServerAnswer) -> float | None:
    """Return the seconds that a response asks to wait (RFC 9110, section 10.2.3); None: unknown."""
    stated = answer.headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdecimal():
        return float(stated)
    try:
        moment = parsedate_to_datetime(stated)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
