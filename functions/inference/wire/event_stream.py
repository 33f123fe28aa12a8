"""An engine's answer, forwarded as server-sent events while it is produced."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import chain
from time import perf_counter
from types import MappingProxyType

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation, StreamedResponse
from lading.functions.inference.wire.server_sent_events import write_event

_CONTENT_TYPE = "text/event-stream; charset=utf-8"
_UNBUFFERED = MappingProxyType({"cache-control": "no-cache", "x-accel-buffering": "no"})


def stream_events(
    parts: Generator[bytes, None, None],
    read: Callable[[Iterator[bytes]], Iterator[bytes]],
    write_error: Callable[[InferenceError], bytes],
    observation: Observation,
) -> StreamedResponse:
    """Return the response in which a dialect forwards an engine's answer.

    Args:
        parts: the engine's answer; closed at the end of the response.
        read: makes the dialect's events from `parts`.
        write_error: makes the data of the event that ends a stream after an error.
        observation: records when the last part arrived, and the error.

    Raises:
        InferenceError: there is not even a first part, so that the status can report it.
    """
    begun = chain([next(parts, b"")], parts)

    def events() -> Generator[bytes, None, None]:
        with closing(parts):
            try:
                with Boundary(observation) as boundary:
                    yield from read(begun)
                    return
                observation.broken = True
                yield write_event(write_error(boundary.refusal))
            finally:
                observation.compute_ended = perf_counter()

    return StreamedResponse(200, events(), _CONTENT_TYPE, _UNBUFFERED)
