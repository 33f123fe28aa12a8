"""Which requests are captured: a share of them, drawn at random."""

import os
from collections.abc import Callable
from functools import partial
from typing import Final

_DRAWS: Final = 1 << 32


def is_drawn(share: float) -> bool:
    """Draw whether a request is one of a share, from 0 to 1.

    From the system, since Lambda's environments of one snapshot share Python's random numbers.
    """
    return int.from_bytes(os.urandom(4), "big") < share * _DRAWS


def drawing(share: float) -> Callable[[], bool]:
    """Return what draws whether a request is one of a share."""
    return partial(is_drawn, share)
