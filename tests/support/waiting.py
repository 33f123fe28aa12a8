"""Waiting for what another thread or process does, such as a log line after an answer."""

import contextlib
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import httpx

T = TypeVar("T")

LONGEST_S: Final = 120.0
"""Far more than anything that works takes, also while the machine is busy with other tests."""
_BETWEEN_LOOKS_S: Final = 0.01


def until(found: Callable[[], T], longest_s: float = LONGEST_S) -> T:
    """Call `found` until what it returns is true, and return that.

    Raises:
        AssertionError: it is still false at the end of the time.
    """
    latest = time.monotonic() + longest_s
    while not (result := found()):
        late = time.monotonic() >= latest
        assert not late, f"still {result!r} after {longest_s:g} s of waiting"
        time.sleep(_BETWEEN_LOOKS_S)
    return result


def until_it_answers(process: "subprocess.Popen[Any]", url: str) -> None:
    """Return once a process answers 200 at a URL.

    Raises:
        AssertionError: the process has ended.
    """

    def answers() -> bool:
        ended = process.poll() is not None
        assert not ended, f"it ended with {process.returncode}: {process.communicate()}"
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, timeout=30).status_code == httpx.codes.OK
        return False

    until(answers)
