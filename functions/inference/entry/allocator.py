"""The memory of a server's process, between glibc and the system.

Elsewhere, such as with musl, these functions do nothing.
"""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # numbers of malloc.h
_KEPT: Final = 64 << 20
_LONGEST: Final = 8 << 20


def give_back() -> None:
    """Give the system what loading has freed; glibc keeps it otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep() -> None:
    """Keep up to 64 MiB of freed memory for the next requests.

    The system clears each page that it gives. For a body of 600 KB that takes longer than to copy
    it. Single blocks above 8 MiB still go back.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _LONGEST)
        set_option(_M_TRIM_THRESHOLD, _KEPT)
