"""The queue in `/metrics`: what waits for each model at the time of a scrape, and what ran.

What was refused or given up is in the counts of requests, by its status (503, 504, 499).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType

from lading.functions.contract import watched
from lading.functions.contract.watched import Figure
from lading.functions.inference.lanes.admission import LaneState
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.observability.families import Registry

_NONE = "none"
_READ: Mapping[Figure, Callable[[LaneState], float]] = MappingProxyType(
    {
        watched.QUEUE_REQUESTS: lambda lane: lane.waiting,
        watched.QUEUE_WAIT: lambda lane: lane.waited_s,
        watched.HELD_BYTES: lambda lane: lane.held_bytes,
        watched.ACTIVE_RUNS: lambda lane: lane.running,
        watched.RUNS: lambda lane: lane.runs,
        watched.JOINED: lambda lane: lane.joined,
    }
)


def show_lanes(lanes: Lanes, registry: Registry) -> None:
    """Have the state of the lanes read at each scrape; work of no model yet is `none`."""
    for figure, value in _READ.items():
        registry.register_read(figure, partial(_read, lanes, value))


def _read(
    lanes: Lanes, value: Callable[[LaneState], float]
) -> Iterator[tuple[tuple[str, ...], float]]:
    for lane in lanes.states():
        yield (lane.model.strip() or _NONE,), value(lane)
