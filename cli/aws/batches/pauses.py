"""How long to wait between two questions about work in the cloud."""

from collections.abc import Iterator

_FIRST_SECONDS, _LONGEST_SECONDS, _GROWTH = 1.0, 20.0, 1.5


def growing_pauses() -> Iterator[float]:
    """Yield seconds: work of seconds is noticed at once, and work of hours is not asked often."""
    pause = _FIRST_SECONDS
    while True:
        yield pause
        pause = min(_LONGEST_SECONDS, pause * _GROWTH)
