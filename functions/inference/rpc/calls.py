"""The calls of one method: answered in threads, with mapped errors and a log line for each.

A call waits in the event loop and uses a thread only while it is processed: idle streams, and calls
in the queue, block no predictions.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from types import MappingProxyType

import grpc
from google.protobuf.descriptor import MethodDescriptor

from lading.functions.contract.errors import (
    CallerGone,
    InferenceError,
    InternalFailure,
    ModelUnavailable,
    NotFound,
    RequestError,
    RequestTooLarge,
    SignatureNotFound,
    Throttled,
    TimedOut,
    Unsupported,
)
from lading.functions.contract.statuses import status_of
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.observability.line import Exchange
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc.messages import parse
from lading.functions.inference.rpc.room import Room
from lading.functions.inference.rpc.service import RpcCall, Service
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
        TimedOut: grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
"""The gRPC status of each error; of any other it is INTERNAL."""

_OK = 200


def code_of(error: InferenceError) -> grpc.StatusCode:
    """Return the status of an error: that of the most specific class in the table."""
    kinds = type(error).__mro__
    return next((_CODES[kind] for kind in kinds if kind in _CODES), grpc.StatusCode.INTERNAL)


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads: predictions, look-ups and health checks do not block each other."""

    predicting: Executor
    looking_up: Executor
    health: Executor


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service, as a server answers it."""

    offered: Service
    described: MethodDescriptor
    catalog: Catalog
    observability: Observability
    threads: Threads
    room: Room

    @property
    def path(self) -> str:
        """The path of its calls."""
        return f"/{self.offered.name}/{self.described.name}"

    def handler(self) -> grpc.RpcMethodHandler:
        """Return the handler for the server."""
        if self.described.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self.answer_each)
        return grpc.unary_unary_rpc_method_handler(self.answer)

    async def answer(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        """Return the response; an error ends the call with its status."""
        async with self.room.place(context):
            response, error = await self._answered(request)
        if error is not None:
            await context.abort(code_of(error), str(error))
        return response

    async def answer_each(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        """Yield a response for each request of a stream; an error does not end the stream."""
        assert self.offered.stream_error is not None
        async with self.room.place(context):
            async for request in self.room.each(requests, context):
                response, error = await self._answered(request)
                if error is not None:
                    response = self.offered.stream_error(error).SerializeToString()
                yield response

    async def _answered(self, request: bytes) -> tuple[bytes, InferenceError | None]:
        """Return the response or the error; drop a call whose client leaves before it starts."""
        predicts = self.described.name in self.offered.predicting
        executor = self.threads.predicting if predicts else self.threads.looking_up
        observation = Observation(dialect=self.offered.dialect)
        turn = executor.submit(self._run, request, observation)
        try:
            return await asyncio.wrap_future(turn)
        except asyncio.CancelledError:
            observation.error = CallerGone("it was answered")
            raise
        finally:
            self._note(observation)

    def _run(self, request: bytes, observation: Observation) -> tuple[bytes, InferenceError | None]:
        work = RpcCall(self.catalog, observation, self.path)
        with Boundary(observation) as boundary:
            sent = parse(self.described.input_type.full_name, request)
            response = self.offered.operations[self.described.name](work, sent)
            return response.SerializeToString(), None
        return b"", boundary.refusal

    def _note(self, observation: Observation) -> None:
        error = observation.error
        known = error if isinstance(error, InferenceError) else InternalFailure()
        status = _OK if error is None else status_of(known)
        exchange = Exchange("POST", self.path, status, os.urandom(16).hex())
        self.observability.note(exchange, observation)
        self.observability.flush()
