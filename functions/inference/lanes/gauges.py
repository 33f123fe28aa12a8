"""The queue in `/metrics`: what waits for each model at the time of a scrape.

What was refused or given up is in the counts of requests, by its status (503, 504, 499).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType

from lading.functions.inference.lanes.admission import LaneState
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.observability.families import Description, Kind, Registry

_NONE = "none"
_GAUGES: Mapping[str, tuple[str, Callable[[LaneState], float]]] = MappingProxyType(
    {
        "lading_queue_requests": ("Requests that wait for a model.", lambda lane: lane.waiting),
        "lading_queue_wait_seconds": (
            "How long the requests that wait have waited, together.",
            lambda lane: lane.waited_s,
        ),
        "lading_held_bytes": (
            "Bytes of the bodies of requests without an answer.",
            lambda lane: lane.held_bytes,
        ),
        "lading_active_runs": ("Runs of a model under way.", lambda lane: lane.running),
    }
)


def show_lanes(lanes: Lanes, registry: Registry) -> None:
    """Have the state of the lanes read at each scrape; work of no model yet is `none`."""
    for name, (text, value) in _GAUGES.items():
        description = Description(name, text, ("model",), Kind.GAUGE)
        registry.register_gauge(description, partial(_read, lanes, value))


def _read(
    lanes: Lanes, value: Callable[[LaneState], float]
) -> Iterator[tuple[tuple[str, ...], float]]:
    for lane in lanes.states():
        yield (lane.model.strip() or _NONE,), value(lane)
