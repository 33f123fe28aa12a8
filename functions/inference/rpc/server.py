"""The gRPC server of every protocol, with health checking and reflection.

One event loop holds the calls (`calls.py`), and the lanes of the models have the threads that
predict; look-ups and health checks have their own.
Messages have the limit of the HTTP server's bodies, and the number of concurrent calls is limited.
gRPC itself limits metadata to 8 KiB, and refuses more with RESOURCE_EXHAUSTED.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from lading.functions.contract.names import CONTAINER
from lading.functions.inference.callers.notices import Notices
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc import open_inference, tensorflow_serving
from lading.functions.inference.rpc.calls import Method, Methods
from lading.functions.inference.rpc.gathering import GatheredCalls
from lading.functions.inference.rpc.incoming import MOST_UNLIMITED, Incoming
from lading.functions.inference.rpc.messages import pool, service
from lading.functions.inference.rpc.records import CallRecords
from lading.functions.inference.rpc.room import CallRoom, end
from lading.functions.inference.rpc.service import Service

SERVICES: Sequence[Service] = (*open_inference.SERVICES, *tensorflow_serving.SERVICES)

_LOOKING_UP = 2
_FOR_LARGE_REQUESTS = (
    ("grpc.http2.bdp_probe", 0),
    ("grpc.experimental.tcp_read_chunk_size", 256 * 1024),
    ("grpc.experimental.tcp_min_read_chunk_size", 64 * 1024),
)
"""gRPC reads 8 KiB at a time, and probes how much a connection holds: a sixth of its time for a
request of 600 KB."""
_MOST_REFLECTIONS = 16
_FULL = "as many gRPC calls are under way as there may be"
_LATE = "the request of a gRPC call was not complete in time"
_CHECK = f"/{HEALTH}/Check"
_LAST_S = 1.0
"""Seconds for the statuses of calls that are refused at the end."""
_KEPT_FOR_HEALTH = 64
"""Calls beyond `RpcLimits.most_calls`, so that other calls cannot block health checks."""


@dataclass(frozen=True, slots=True)
class RpcLimits:
    """The limits of a server.

    Args:
        longest_body: bytes of a message.
        grace_seconds: how long current calls may take to end when the server stops; then they are
            refused.
        most_calls: concurrent calls, including streams; health checks do not count.
        idle_stream_s: seconds after which a stream ends whose client sends nothing.
        request_s: seconds that the request of a call may take, once many calls are open; also those
            in which a new connection must say that it speaks HTTP/2.
        most_connections: connections at the same time; more are closed.
    """

    longest_body: int
    grace_seconds: float = CONTAINER.grace_seconds
    most_calls: int = 1024
    idle_stream_s: float = 600
    request_s: float = 40
    most_connections: int = 4096


@dataclass(frozen=True, slots=True)
class RpcServing:
    """The models of a gRPC server, its log and its limits.

    Args:
        catalog: the models.
        observability: records each call.
        limits: the limits of the server.
    """

    catalog: Catalog
    observability: Observability
    limits: RpcLimits


@asynccontextmanager
async def listening(served: RpcServing, address: str, lanes: Lanes) -> AsyncIterator[int]:
    """Serve in this event loop while the block runs; current calls may end after it.

    Args:
        served: what to serve.
        address: `host:port`; port 0 chooses a free one, which is yielded.
        lanes: the queue of predictions.

    Raises:
        OSError: the address is in use, or not one of this machine.
    """
    ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with (
        ThreadPoolExecutor(_LOOKING_UP, "looking up") as looking_up,
        ThreadPoolExecutor(1, "health") as health,
    ):
        records = CallRecords(served.observability)
        gathering = GatheredCalls(lanes)
        answering = partial(
            Method,
            catalog=served.catalog,
            lanes=lanes,
            gathering=gathering,
            looking_up=looking_up,
            records=records,
        )
        limits = served.limits
        notices = Notices()
        full = partial(notices.note, CONTAINER.caller_limits["most_calls"], _FULL)
        late = partial(notices.note, CONTAINER.caller_limits["body_s"], _LATE)
        room = CallRoom(limits.most_calls, ending, limits.idle_stream_s, full)
        methods = [
            answering(offered, described, room=room)
            for offered in SERVICES
            for described in service(offered.name).methods
        ]
        others = {_CHECK: _check(_Health(served.catalog, health))}
        server = _create_server(limits, Methods(methods, others, Incoming(limits.request_s, late)))
        _reflect(server, CallRoom(_MOST_REFLECTIONS, ending))
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen for gRPC on {address}: {error}") from error
        await server.start()
        try:
            yield port
        finally:
            ending.set_result(None)
            await _stop(server, room, served.limits.grace_seconds)
            records.write()


async def _stop(server: grpc.aio.Server, room: CallRoom, grace: float) -> None:
    """Let current calls end within the grace, and refuse those that are left."""
    stopping = asyncio.ensure_future(server.stop(grace + _LAST_S))
    await asyncio.wait({stopping}, timeout=grace)
    room.refuse()
    await stopping


@contextmanager
def serving(served: RpcServing, address: str, lanes: Lanes) -> Iterator[int]:
    """Serve from an event loop in another thread; see `listening`."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    async def serve() -> None:
        async with listening(served, address, lanes) as port:
            ending = asyncio.Event()
            started.set_result((asyncio.get_running_loop(), ending, port))
            await ending.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except OSError as error:
            started.set_exception(error)

    thread = Thread(target=run, name="grpc")
    thread.start()
    loop, ending, port = started.result()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()


def _create_server(limits: RpcLimits, methods: Methods) -> grpc.aio.Server:
    bound = limits.most_calls + _MOST_REFLECTIONS + _KEPT_FOR_HEALTH + MOST_UNLIMITED
    options = [
        ("grpc.max_receive_message_length", limits.longest_body),
        ("grpc.max_concurrent_streams", bound),  # of one connection
        ("grpc.max_connection_idle_ms", int(limits.idle_stream_s * 1000)),  # without a call
        ("grpc.server_handshake_timeout_ms", int(limits.request_s * 1000)),
        ("grpc.max_allowed_incoming_connections", limits.most_connections),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a port in use is an error
        *_FOR_LARGE_REQUESTS,
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=bound)
    server.add_generic_rpc_handlers((methods,))
    return server


def _check(servicer: "_Health") -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        servicer.Check,
        health_pb2.HealthCheckRequest.FromString,
        health_pb2.HealthCheckResponse.SerializeToString,
    )


class _Health:
    """The health service (https://github.com/grpc/grpc/blob/master/doc/health-checking.md)."""

    def __init__(self, catalog: Catalog, own: Executor) -> None:
        self._catalog, self._own = catalog, own

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 gRPC's name
        """Report SERVING if every model can answer; the request may name a service or none."""
        if request.service and request.service not in [each.name for each in SERVICES]:
            end(context, grpc.StatusCode.NOT_FOUND, f"no service '{request.service[:128]}'")
            return health_pb2.HealthCheckResponse()
        states = health_pb2.HealthCheckResponse.ServingStatus
        loop = asyncio.get_running_loop()
        ready = await loop.run_in_executor(self._own, self._catalog.ready)
        state = states.SERVING if ready else states.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=state)


class _Reflection(reflection.aio.ReflectionServicer):  # type: ignore[misc] # has no types
    """The library's reflection service, with a limit for its streams."""

    def __init__(self, names: Sequence[str], room: CallRoom) -> None:
        super().__init__(names, pool=pool())
        self._room = room

    async def ServerReflectionInfo(  # noqa: N802 gRPC's name
        self, _requests: AsyncIterator[Any], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Any]:
        """Answer each request of a stream."""
        with self._room.place(context) as there_is:
            if not there_is:
                return
            responses = super().ServerReflectionInfo(self._room.each(context), context)
            async for each in responses:
                yield each


def _reflect(server: grpc.aio.Server, room: CallRoom) -> None:
    """Let tools such as grpcurl list the services, including those two of libraries."""
    for library in (health_pb2, reflection_pb2):
        pool().AddSerializedFile(library.DESCRIPTOR.serialized_pb)
    names = [*(each.name for each in SERVICES), HEALTH, reflection.SERVICE_NAME]
    servicer = _Reflection(names, room)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
