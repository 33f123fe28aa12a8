"""The short way runs no more bytecode for a request than it did; other load does not change that.

Callgrind would count the machine's instructions, those of libraries included. But under valgrind
the start alone takes half a minute or more, and the model may be too slow for the event loop. So
the interpreter counts its own instructions here; what libraries in C do is not seen.
"""

import asyncio
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest

from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from tests.support.bytecode import Counter
from tests.support.short_way_run import Connections
from tests.support.worlds import times, write_artifact

RECORDED: Final = {(3, 11): {1: 4306, 16: 2877}}
"""Bytecode instructions of a request, by version of Python and requests of one turn."""

ALLOWED: Final = 1.1
NONE = {"largest_difference": 0.0, "largest_relative_difference": 0.0, "label_flips": 0}
EXACT = {"rows": 8, "sizes": [2, 8], **NONE, "beside_unusual_rows": NONE}


async def instructions(folder: Path, together: int) -> float:
    """Return the instructions of one request, of which so many come in one turn."""
    with Lanes(LaneLimits(threads=1), lambda: 0.0) as lanes:  # counting is slow
        connections = Connections(folder, together, lanes)
        while not connections.quick():
            await connections.turns(1, pause_s=0.001)
        await connections.turns(4)
        counts = []
        for turns in (4, 8):
            with Counter() as counter:
                await asyncio.create_task(connections.turns(turns))
            counts.append(counter.count)
        assert connections.quick(), "they were answered in the event loop"
    return (counts[1] - counts[0]) / (4 * together)


def _measured(folder: Path, together: int) -> float:
    return asyncio.run(instructions(folder, together))


@pytest.mark.parametrize("together", [1, 16])
def test_a_request_costs_at_most_a_tenth_more_than_recorded(tmp_path: Path, together: int) -> None:
    version = sys.version_info[:2]
    if version not in RECORDED:
        pytest.skip(f"nothing is recorded for Python {version[0]}.{version[1]}")
    write_artifact(tmp_path, "m", 1, times(3), batch=EXACT)
    # In a process of its own: what other tests leave behind in this one runs for a request as well.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        found = fresh.submit(_measured, tmp_path, together).result()
    recorded = RECORDED[version][together]
    assert found <= ALLOWED * recorded
