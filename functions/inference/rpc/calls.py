"""The calls of one method, with mapped errors and a log line for each.

A call waits in the event loop; idle streams, and calls in the queue, block no predictions. A short
request for a model in memory is decoded in the event loop, and a quick model runs there, too: two
changes of thread would take longer. Everything else has a turn in its model's lane.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import grpc
from google.protobuf.descriptor import MethodDescriptor

from lading.functions.contract.errors import (
    CallerGone,
    DeadlinePassed,
    InferenceError,
    ModelUnavailable,
    NotFound,
    Overloaded,
    RequestError,
    RequestTooLarge,
    ServerStopping,
    SignatureNotFound,
    Throttled,
    TimedOut,
    Unsupported,
)
from lading.functions.contract.statuses import status_of
from lading.functions.inference.lanes.deadline import NEVER, Deadline, within
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.rpc.gathering import GatheredCalls
from lading.functions.inference.rpc.incoming import Incoming
from lading.functions.inference.rpc.messages import parse
from lading.functions.inference.rpc.records import CallRecords
from lading.functions.inference.rpc.room import CallRoom, end
from lading.functions.inference.rpc.service import RpcCall, Service
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation

_CODES = MappingProxyType(
    {
        NotFound: grpc.StatusCode.NOT_FOUND,
        RequestTooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
        SignatureNotFound: grpc.StatusCode.FAILED_PRECONDITION,
        Unsupported: grpc.StatusCode.UNIMPLEMENTED,
        RequestError: grpc.StatusCode.INVALID_ARGUMENT,
        ModelUnavailable: grpc.StatusCode.UNAVAILABLE,
        Throttled: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Overloaded: grpc.StatusCode.UNAVAILABLE,
        ServerStopping: grpc.StatusCode.UNAVAILABLE,
        TimedOut: grpc.StatusCode.DEADLINE_EXCEEDED,
        DeadlinePassed: grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
"""The gRPC status of each error; of any other it is INTERNAL."""

_OK = 200


def code_of(error: InferenceError) -> grpc.StatusCode:
    """Return the status of an error: that of the most specific class in the table."""
    kinds = type(error).__mro__
    return next((_CODES[kind] for kind in kinds if kind in _CODES), grpc.StatusCode.INTERNAL)


class Answered(NamedTuple):
    """A serialized response, or why there is none."""

    response: bytes
    error: InferenceError | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service, as a server answers it.

    Args:
        offered: the service.
        described: the method.
        catalog: the models.
        lanes: the queue of predictions.
        gathering: predicts together what has been decoded in one turn of the event loop.
        looking_up: threads for all other methods, which so never wait for predictions.
        records: keeps the record of each call.
        room: the limit of concurrent calls.
    """

    offered: Service
    described: MethodDescriptor
    catalog: Catalog
    lanes: Lanes
    gathering: GatheredCalls
    looking_up: Executor
    records: CallRecords
    room: CallRoom

    @property
    def path(self) -> str:
        """The path of its calls."""
        return f"/{self.offered.name}/{self.described.name}"

    @property
    def gathers(self) -> bool:
        """Whether its calls are answered together, each with one request that follows."""
        predicts = self.described.name in self.offered.predicting
        return predicts and not self.described.client_streaming

    def handler(self) -> grpc.RpcMethodHandler:
        """Return the handler for the server."""
        if self.described.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self.answer_each)
        return grpc.unary_unary_rpc_method_handler(self.answer)

    async def answer(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        """Return the response; an error ends the call with its status."""
        self.gathering.arrive()
        with self.room.place(context) as there_is:
            if not there_is:
                return b""
            response, error = await self._answered(request, _deadline_of(context), context)
        if error is None:
            return response
        retry_after_s: int = getattr(error, "retry_after_s", None) or 0
        return end(context, code_of(error), str(error), retry_after_s)

    async def answer_each(
        self, _requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        """Yield a response for each request of a stream; an error does not end the stream."""
        assert self.offered.stream_error is not None
        with self.room.place(context) as there_is:
            if not there_is:
                return
            deadline = _deadline_of(context)
            async for request in self.room.each(context):
                response, error = await self._answered(request, deadline, context)
                if error is not None:
                    response = self.offered.stream_error(error).SerializeToString()
                yield response

    async def _answered(
        self, request: bytes, deadline: Deadline, context: grpc.aio.ServicerContext
    ) -> Answered:
        """Return the response or the error; drop a call whose client leaves before it starts."""
        observation = Observation(dialect=self.offered.dialect)
        try:
            with Boundary(observation) as boundary:
                reads = self.described.name in self.offered.operations
                sent = context.invocation_metadata
                work = RpcCall(self.catalog, observation, self.path, sent, reads)
                return await self._begun(request, work, deadline)
            return Answered(b"", boundary.refusal)
        except asyncio.CancelledError:
            if self.room.refusing:
                observation.error = stopping = ServerStopping()
                return Answered(b"", stopping)
            observation.error = CallerGone("it was answered")
            raise
        finally:
            self.records.add(self.path, _status_of(observation.error), observation)

    def _begun(self, request: bytes, work: RpcCall, deadline: Deadline) -> Awaitable[Answered]:
        observation = work.observation
        observation.received = len(request)
        if work.reads:
            return asyncio.wrap_future(self.looking_up.submit(self._look_up, request, work))
        steps, size = self._predict(request, work), len(request)
        if self.catalog.in_memory and self.offered.is_short(request):
            begin = partial(self.lanes.decode, steps, observation, size=size, deadline=deadline)
            return self.gathering.answered(begin, size)
        turn = self.lanes.submit(steps, observation, size=size, deadline=deadline)
        return asyncio.wrap_future(turn)

    def _look_up(self, request: bytes, work: RpcCall) -> Answered:
        with Boundary(work.observation) as boundary:
            sent = parse(self.described.input_type.full_name, request)
            response = self.offered.operations[self.described.name](work, sent)
            return _counted(response.SerializeToString(), work)
        return Answered(b"", boundary.refusal)

    def _predict(
        self, request: bytes, work: RpcCall
    ) -> Generator[Prediction, dict[str, Array], Answered]:
        with Boundary(work.observation) as boundary:
            parts = yield from self.offered.predicting[self.described.name](work, request)
            return _counted(b"".join(parts), work)
        return Answered(b"", boundary.refusal)


def _counted(response: bytes, work: RpcCall) -> Answered:
    work.observation.sent = len(response)
    return Answered(response)


class Methods(grpc.GenericRpcHandler):  # type: ignore[misc] # has no types
    """All methods by path; it also announces the calls that gather.

    Args:
        methods: the methods.
        others: handlers of further methods with one request, by path.
        incoming: the open calls.
    """

    def __init__(
        self,
        methods: Sequence[Method],
        others: Mapping[str, grpc.RpcMethodHandler],
        incoming: Incoming,
    ) -> None:
        self._handlers = {**{each.path: each.handler() for each in methods}, **others}
        self._gathering = {each.path: each.gathering for each in methods if each.gathers}
        self._incoming = incoming
        self._limited = {
            path: incoming.limited(handler)
            for path, handler in self._handlers.items()
            if not handler.request_streaming
        }

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call, whose request follows."""
        path = handler_call_details.method
        if path in self._limited and not self._incoming.opened():
            return self._limited[path]
        if path in self._gathering:
            self._gathering[path].announce()
        return self._handlers.get(path)


def _deadline_of(context: grpc.aio.ServicerContext) -> Deadline:
    left = context.time_remaining()
    return NEVER if left is None else within(left)


def _status_of(error: InferenceError | None) -> int:
    """Return the status for the log and the metrics, which have HTTP's."""
    return _OK if error is None else status_of(error)
