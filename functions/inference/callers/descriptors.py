"""How many connections the file descriptors of this process allow."""

import resource
from pathlib import Path

_OPEN = Path("/proc/self/fd")


def connections_within(most: int, spare: int) -> int:
    """Return how many connections there may be, at least 1.

    The soft limit of descriptors is raised as far as `most` connections need it and the hard limit
    allows. A full table would stop more than new connections: no model, log or S3 could be opened.

    Args:
        most: connections that are wanted.
        spare: descriptors that they leave free.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return most
    taken = sum(1 for _ in _OPEN.iterdir()) if _OPEN.exists() else 0
    wanted = taken + spare + most
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else max(soft, min(wanted, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(most, soft - spare - taken))
