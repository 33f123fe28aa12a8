"""Memory and processor time of this process, read from Linux at each scrape."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import process_time, time
from typing import Final

from lading.functions.contract import watched
from lading.functions.inference.observability.families import LabelValues, Registry

_PAGES: Final = Path("/proc/self/statm")
_STARTED: Final = time()
"""When the process imported this, which a server does as it starts."""


def show_process(registry: Registry) -> None:
    """Have memory, processor time and the time of the start read at each scrape."""
    registry.register_read(watched.MEMORY, _memory)
    registry.register_read(watched.CPU, _processor_time)
    registry.register_read(watched.STARTED, _start)


def _memory() -> Iterator[tuple[LabelValues, float]]:
    """Yield the resident memory in bytes; nothing where the system is not Linux.

    The second number of `statm` is the resident set in pages: proc(5).
    """
    if _PAGES.exists():
        pages = int(_PAGES.read_text(encoding="ascii").split()[1])
        yield (), float(pages * os.sysconf("SC_PAGE_SIZE"))


def _start() -> Iterator[tuple[LabelValues, float]]:
    yield (), _STARTED


def _processor_time() -> Iterator[tuple[LabelValues, float]]:
    yield (), process_time()
