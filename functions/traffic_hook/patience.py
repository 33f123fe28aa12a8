"""Repeat a request while the model's endpoint wakes from zero or is updated."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Answer = Mapping[str, Any]

_UNAVAILABLE = 503
_LONGEST_PAUSE_S = 30.0
_SPARED_S = 30.0
"""Time of the function that is kept for the report."""


@dataclass(frozen=True, slots=True)
class HookRetries:
    """Repeats a request while the answer is 503 with `Retry-After`, and while there is time.

    Args:
        left_ms: returns the milliseconds that the function has left.
    """

    left_ms: Callable[[], float]

    def insist(self, ask: Callable[[], Answer]) -> Answer:
        """Return the first answer that is not 503 with `Retry-After`, or the last one."""
        while True:
            answer = ask()
            pause_s = _pause(answer)
            if pause_s is None or self.left_ms() < (pause_s + _SPARED_S) * 1000:
                return answer
            time.sleep(pause_s)


def _pause(answer: Answer) -> float | None:
    """Return the seconds to wait before the next request; None when the answer is final."""
    if answer.get("statusCode") != _UNAVAILABLE:
        return None
    headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers[name.lower()] = values[0] if values else ""
    wait = str(headers.get("retry-after", ""))
    return min(float(wait), _LONGEST_PAUSE_S) if wait.isdecimal() else None
