"""A request of a server waits for its model in the lanes, and leaves them when its caller does."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final, NamedTuple, TypeVar

from lading.functions.contract.dialects.dialect import Dialect, split_path
from lading.functions.contract.errors import CallerGone, InferenceError, ServerStopping
from lading.functions.contract.routes import CONTROL, dialect_of, find_route
from lading.functions.inference.dialects import refuse
from lading.functions.inference.lanes.admission import UNNAMED
from lading.functions.inference.lanes.deadline import deadline_of
from lading.functions.inference.lanes.lanes import Lanes, Operation
from lading.functions.inference.loading.apart import begin_apart
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Answer
from lading.functions.inference.wire.asgi import Receive
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation, Request
from lading.functions.inference.wire.sending import disconnected

T = TypeVar("T")

APART: Final = " apart"
"""In place of a lane: a thread of its own, since loading a model may never end."""

_LOADING = ("load", "unload")


def lane_of(request: Request, catalog: Catalog, dialect: Dialect) -> str | None:
    """Return the lane in which a request waits; None if its answer is in memory already."""
    segments = split_path(request.path)
    try:
        route, parameters = find_route(dialect, request.method, request.path, segments)
    except InferenceError:
        return UNNAMED
    if route.in_memory or (route.method == "GET" and dialect is not CONTROL):
        return None
    if route.operation in _LOADING:
        return APART
    if not dialect.predicts:  # it waits for another service
        return UNNAMED
    return lane_of_model(parameters, catalog)


def lane_of_model(parameters: Mapping[str, str], catalog: Catalog) -> str:
    """Return the lane of the model that a path names; never what a caller has made up."""
    names = catalog.names()
    named = parameters.get("model", names[0] if len(names) == 1 else UNNAMED)
    return named if named in names else UNNAMED


class Waiting(NamedTuple):
    """A request that waits.

    Args:
        operation: answers it.
        request: the request.
        observation: its record.
        lane: where it waits; see `lane_of`.
    """

    operation: Operation[Answer]
    request: Request
    observation: Observation
    lane: str


async def wait(lanes: Lanes, waiting: Waiting, receive: Receive) -> Answer:
    """Return what a request is answered in its turn, or why it had none.

    `receive` reports when the client is gone; the body has been read from it.

    A server that stops cancels this; what has no answer then is refused.

    Raises:
        CallerGone: the client disconnected before a thread started.
    """
    operation, request, observation, lane = waiting
    with Boundary(observation) as boundary, lanes.shares.place(request.caller):
        if lane == APART:
            return await _settled(begin_apart(operation, observation), receive)
        size, deadline = len(request.body), deadline_of(request.headers)
        turn = lanes.submit(operation, observation, lane, size=size, deadline=deadline)
        return await _settled(turn, receive)
    if isinstance(boundary.refusal, CallerGone):
        raise boundary.refusal
    observation.dialect = dialect_of(split_path(request.path)).name
    return refuse(boundary.refusal, request.path)


async def _settled(turn: "Future[T]", receive: Receive) -> T:
    """Return the result of a turn, which leaves the queue if the client is gone."""
    gone = asyncio.ensure_future(disconnected(receive))
    gone.add_done_callback(lambda _: turn.cancel())
    try:
        return await asyncio.wrap_future(turn)
    except asyncio.CancelledError:
        if gone.done():
            raise CallerGone("a thread was free") from None
        raise ServerStopping from None
    finally:
        gone.cancel()
