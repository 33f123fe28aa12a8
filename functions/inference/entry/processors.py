"""The number of processors that this process may use: its CPU affinity and its group's quota.

`os.cpu_count()` is that of the machine. In a container that may use two of 64 processors, 64
threads would use up the quota at once, and then all of them would wait.
"""

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

_GROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def processors(groups: Path = _GROUPS, own: Path = _OWN) -> int:
    """Return how many processors this process may keep busy, rounded up.

    Args:
        groups: where Linux shows its control groups, version 1 or 2.
        own: the file that names the groups of this process.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([bound or 1, *(ceil(quota) for quota in _quotas(groups, own))]))


def fewer_than_all() -> int:
    """Return how many processors this process may use; 0 if it may use all."""
    count = processors()
    return count if count < (os.cpu_count() or 1) else 0


def _quotas(groups: Path, own: Path) -> Iterator[float]:
    """Yield the quotas of this process's group and of its parent groups, in processors."""
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux
        return
    for _, names, path in (line.split(":", 2) for line in lines):
        controllers = names.split(",")
        if names and "cpu" not in controllers:
            continue
        root = groups / names if (groups / names).is_dir() else groups / "cpu"
        # Inside a container its own group may appear as the root, whatever the path is.
        inner = root / path.lstrip("/")
        around = [inner, *(each for each in inner.parents if each.is_relative_to(root))]
        yield from (quota for group in around for quota in _quota(group))


def _quota(group: Path) -> Iterator[float]:
    """Yield the quota of one group, if it has one."""
    for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = " ".join((group / file).read_text() for file in files).split()
            quota, period = int(words[0]), int(words[1])
        except (OSError, ValueError, IndexError):  # not there, or "max"
            continue
        if quota > 0 and period > 0:
            yield quota / period
