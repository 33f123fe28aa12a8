"""Where the memory of processes is: their largest mappings, by file."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$")
_MOST = 6


def mappings(pid: int | str) -> Counter[str]:
    """Return the PSS of a process in KiB by file; what has no file is the heap and its like."""
    found: Counter[str] = Counter()
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if match := _MAPPING.match(line):
            name = Path(match[1]).name or "memory without a file"
        elif line.startswith("Pss:"):
            found[name] += int(line.split()[1])
    return found


def largest(pids: Iterable[int]) -> str:
    """Return the files that take most memory of these processes, in MiB of PSS."""
    return words(sum((mappings(pid) for pid in pids), Counter()))


def words(kib: Counter[str]) -> str:
    """Return the largest in words."""
    return ", ".join(f"{name} {size / 1024:.1f} MiB" for name, size in kib.most_common(_MOST))
