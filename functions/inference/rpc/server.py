"""A gRPC server of every protocol, with health checking and reflection.

Threads answer, as many as the executor has. Messages are bounded as the HTTP server's bodies are;
gRPC itself bounds metadata (8 KiB), and refuses what is longer with RESOURCE_EXHAUSTED.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from functions.inference.catalog import Catalog
from functions.inference.errors import (
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
from functions.inference.exchange import Observation
from functions.inference.observability import Exchange, Observability
from functions.inference.rpc import open_inference, tensorflow_serving
from functions.inference.rpc.messages import message, pool, service
from functions.inference.rpc.service import Service, Work
from functions.inference.statuses import status_of

SERVICES: Sequence[Service] = (*open_inference.SERVICES, *tensorflow_serving.SERVICES)

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
"""The status that gRPC has for each error; what is not here is INTERNAL."""

GRACE_SECONDS = 2
"""How long calls under way may take to end when the server does."""

_OK = 200


def create_server(
    catalog: Catalog, observability: Observability, executor: Executor, longest_body: int
) -> grpc.Server:
    """A server that is not started yet and listens nowhere.

    Args:
        catalog: the models.
        observability: told of each call.
        executor: threads that answer.
        longest_body: bytes of a message that is taken.
    """
    limits = [
        ("grpc.max_receive_message_length", longest_body),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a port that is taken is an error
    ]
    server: grpc.Server = grpc.server(executor, options=limits)
    for each in SERVICES:
        server.add_generic_rpc_handlers((_handler(each, catalog, observability),))
    health_pb2_grpc.add_HealthServicer_to_server(_Health(catalog), server)
    _reflect(server)
    return server


@contextmanager
def serving(
    catalog: Catalog, observability: Observability, address: str, longest_body: int
) -> Iterator[int]:
    """Serve while the block runs; calls under way may end after it.

    Args:
        catalog: the models.
        observability: told of each call.
        address: `host:port`; port 0 takes a free one, which is given.
        longest_body: bytes of a message that is taken.

    Raises:
        OSError: the address is taken, or not this machine's.
    """
    with ThreadPoolExecutor(os.cpu_count(), "grpc") as threads:
        server = create_server(catalog, observability, threads, longest_body)
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen for gRPC on {address}: {error}") from error
        server.start()
        try:
            yield port
        finally:
            server.stop(GRACE_SECONDS).wait()


def code_of(error: InferenceError) -> grpc.StatusCode:
    """The status of the nearest class of an error."""
    kinds = type(error).__mro__
    return next((_CODES[kind] for kind in kinds if kind in _CODES), grpc.StatusCode.INTERNAL)


def _handler(
    offered: Service, catalog: Catalog, observability: Observability
) -> grpc.GenericRpcHandler:
    methods = {}
    for method in service(offered.name).methods:
        behaviour = _Behaviour(offered, method.name, catalog, observability)
        make, answer = (
            (grpc.stream_stream_rpc_method_handler, behaviour.answer_each)
            if method.client_streaming
            else (grpc.unary_unary_rpc_method_handler, behaviour.answer)
        )
        methods[method.name] = make(
            answer,
            request_deserializer=message(method.input_type.full_name).FromString,
            response_serializer=message(method.output_type.full_name).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(offered.name, methods)


class _Behaviour:
    """One method: its requests answered, its errors mapped, its line written."""

    def __init__(
        self, offered: Service, method: str, catalog: Catalog, observability: Observability
    ) -> None:
        self._offered, self._operation = offered, offered.operations[method]
        self._path = f"/{offered.name}/{method}"
        self._catalog, self._observability = catalog, observability

    def answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The response; an error ends the call with its status."""
        response, error = self._run(request)
        if error is not None:
            context.abort(code_of(error), str(error))
        return response

    def answer_each(self, requests: Iterator[Any], _context: grpc.ServicerContext) -> Iterator[Any]:
        """A response for each request of a stream; an error is a part of it, and no end."""
        assert self._offered.stream_error is not None
        for request in requests:
            response, error = self._run(request)
            yield response if error is None else self._offered.stream_error(error)

    def _run(self, request: Any) -> tuple[Any, InferenceError | None]:
        observation = Observation(dialect=self._offered.dialect)
        status, refusal, response = _OK, None, None
        try:
            response = self._operation(Work(self._catalog, observation, self._path), request)
        except InferenceError as error:
            observation.error = refusal = error
        except Exception as error:  # noqa: BLE001 a fault of ours must not end the process
            observation.error, refusal = error, InternalFailure()
        finally:
            status = _OK if refusal is None else status_of(refusal)
            exchange = Exchange("POST", self._path, status, os.urandom(16).hex())
            self._observability.note(exchange, observation)
            self._observability.flush()
        return response, refusal


class _Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # has no types
    """https://github.com/grpc/grpc/blob/master/doc/health-checking.md, for as long as it runs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 gRPC's name
        """Serving when every model can answer; the service named may be the empty one."""
        if request.service and request.service not in [each.name for each in SERVICES]:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no service '{request.service[:128]}'")
        states = health_pb2.HealthCheckResponse.ServingStatus
        serving = states.SERVING if self._catalog.ready() else states.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=serving)


def _reflect(server: grpc.Server) -> None:
    """Let tools as grpcurl ask what is offered, the two services of libraries among it."""
    for library in (health_pb2, reflection_pb2):
        pool().AddSerializedFile(library.DESCRIPTOR.serialized_pb)
    names = [*(each.name for each in SERVICES), health.SERVICE_NAME, reflection.SERVICE_NAME]
    reflection.enable_server_reflection(names, server, pool=pool())
