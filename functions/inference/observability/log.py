"""The log: one JSON line for each request, which is its log entry and its metrics at once.

The line has CloudWatch's embedded metric format with the log's fields as metadata, so that a
latency on a dashboard and the request behind it are one event, paid for once. An ASGI middleware
records it, on Lambda as under any server; `flush` writes it, which the Lambda entry calls at the
end of an invocation. Other events, such as a model that fails to load, are ordinary log lines.
"""

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from time import time
from typing import Any, NamedTuple, TextIO

import orjson
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from lading.functions.contract.errors import CallerGone, EndpointUnready, InferenceError, brief
from lading.functions.contract.names import HOOK, METRICS
from lading.functions.contract.settings import ServingSettings
from lading.functions.contract.statuses import status_of
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.wire.asgi import App, Message, Receive, Scope, Send
from lading.functions.inference.wire.messages import OBSERVATION, Observation

REQUEST_ID = "x-request-id"

_LONGEST_ID = 128
_MOST_PENDING = 100
_NONE = "none"
_CLIENT_ERROR, _SERVER_ERROR = 400, 500


_COUNTS = (METRICS.requests, METRICS.client_errors, METRICS.server_errors, METRICS.cold_start)


class _StandardOutput(logging.StreamHandler[Any]):
    """A handler that writes to the current standard output, as `print` does."""

    @property
    def stream(self) -> Any:
        return sys.stdout

    @stream.setter
    def stream(self, _stream: Any) -> None:
        """Ignore the stream of the start."""


class Exchange(NamedTuple):
    """One answered request; `status` is that of HTTP, or the equivalent of another protocol."""

    method: str
    path: str
    status: int
    request_id: str


class Observability:
    """The logger and the metrics of one process.

    Args:
        settings: the log level, and the stage.
        on_request: called with each exchange that has ended, and its status.
        output: where the lines of requests are written; None: standard output.
    """

    def __init__(
        self,
        settings: ServingSettings,
        on_request: Callable[[Observation, int], object] | None = None,
        output: TextIO | None = None,
    ) -> None:
        self._on_request = on_request
        self._output = output
        self.logger = Logger(
            service=METRICS.service,
            level=settings.log_level,
            location=None,
            logger_handler=_StandardOutput(),
        )
        self._stage = {METRICS.stage: settings.stage} if settings.stage else {}
        self._pending: list[bytes] = []
        self._cold = True

    def write_libraries(self) -> None:
        """Write what libraries such as uvicorn log as JSON lines into this log.

        For a server, whose log is one stream; on Lambda the runtime writes them.
        """
        handler, own = _StandardOutput(), self.logger.name
        handler.setFormatter(self.logger.handlers[0].formatter)
        handler.addFilter(lambda record: record.name != own)
        logging.getLogger().addHandler(handler)
        logging.captureWarnings(True)

    def note_failures(self, catalog: Catalog) -> None:
        """Log each version that failed to load."""
        for failure in catalog.failures():
            self.logger.error(
                "model failed to load",
                model=failure.name,
                version=failure.version,
                reason=failure.reason,
            )

    def note_warm_up(self) -> None:
        """Record that a warm-up took the cold start, so that no request waits for it."""
        self._cold = False

    def middleware(self, app: App) -> App:
        """Return `app` with a log line for each request, and a request id on each answer."""

        async def observed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            observation = scope[OBSERVATION] = Observation()
            request_id = _request_id(scope)
            status: int | None = None

            async def send_observed(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    message["headers"] = [*message["headers"], _header(request_id)]
                await send(message)

            try:
                await app(scope, receive, send_observed)
            finally:
                ended = _unsent(observation) if status is None else status
                exchange = Exchange(scope["method"], scope["path"], ended, request_id)
                context = None if _from_hook(scope) else scope.get("aws.context")
                self.note(exchange, observation, context)

        return observed

    def served(self, app: App) -> App:
        """Return the same for a server, which writes each line at the end of its request."""
        observed = self.middleware(app)

        async def flushed(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await observed(scope, receive, send)
            finally:
                self.flush()

        return flushed

    def note(self, exchange: Exchange, observation: Observation, context: Any = None) -> None:
        """Record an answered request of any protocol.

        Args:
            exchange: the request and its status.
            observation: what the service recorded of it.
            context: Lambda's context object; without one, no function's metrics count the request.
        """
        observation.finish()
        self._log_fault(observation.error, exchange.request_id)
        self._note(_fields(exchange, observation, context), observation, exchange.status)
        self._cold = False
        if self._on_request is not None:
            self._on_request(observation, exchange.status)
        _release_frames(observation.error)

    def flush(self) -> None:
        """Write the lines of the requests since the last flush."""
        if self._pending:
            lines = b"\n".join(self._pending).decode()
            self._pending.clear()
            print(lines, file=self._output, flush=True)

    def _note(self, fields: dict[str, Any], seen: Observation, status: int) -> None:
        client_error = _CLIENT_ERROR <= status < _SERVER_ERROR
        server_error = (status >= _SERVER_ERROR and not _waking(seen.error)) or seen.broken
        counts = (True, client_error, server_error, self._cold)
        rare = _rare_counts(seen)
        times = {METRICS.times[name]: took for name, took in seen.milliseconds().items()}
        dimensions = (seen.model, seen.version, seen.dialect)
        declared = _declare(
            (*METRICS.dimensions, *self._stage),
            tuple(times),
            rare,
            METRICS.of_function[-1][0] in fields,
        )
        document = {
            **fields,
            **self._stage,
            **dict(zip(METRICS.dimensions, (str(it or _NONE) for it in dimensions), strict=True)),
            **{name: [int(count)] for name, count in zip(_COUNTS, counts, strict=True)},
            **{name: [1] for name in rare},
            **{name: [round(took, 3)] for name, took in times.items()},
            "_aws": {"Timestamp": int(time() * 1000), "CloudWatchMetrics": declared},
        }
        self._pending.append(orjson.dumps(document))
        if len(self._pending) >= _MOST_PENDING:
            self.flush()  # in a server no invocation ends

    def _log_fault(self, error: Exception | None, request_id: str) -> None:
        """Log the traceback of a fault of the service, which no answer shows."""
        if error is not None and not isinstance(error, InferenceError):
            self.logger.error("internal error", correlation_id=request_id, exc_info=error)


@cache
def _declare(
    dimensions: tuple[str, ...], times: tuple[str, ...], rare: tuple[str, ...], of_function: bool
) -> list[Any]:
    """Return the metrics that CloudWatch reads from a line with these times and counts."""
    units = {**dict.fromkeys(_COUNTS + rare, "Count"), **dict.fromkeys(times, "Milliseconds")}
    metrics = {name: {"Unit": unit, "Value": [0]} for name, unit in units.items()}
    emf = EphemeralMetrics(namespace=METRICS.namespace)
    document = emf.serialize_metric_set(metrics, dict.fromkeys(dimensions, _NONE))
    declared: list[Any] = [*document["_aws"]["CloudWatchMetrics"]]
    names = (*METRICS.function_counts, *rare)
    counts = {
        "Namespace": METRICS.namespace,
        "Dimensions": METRICS.of_function,
        "Metrics": [{"Name": name, "Unit": "Count"} for name in names],
    }
    return [*declared, counts] if of_function else declared


def _unsent(seen: Observation) -> int:
    """Return the status of an exchange without a response."""
    return status_of(seen.error) if isinstance(seen.error, CallerGone) else _SERVER_ERROR


def _release_frames(error: BaseException | None) -> None:
    """Release the frames of an error that has been recorded, and of its causes.

    They refer to the observation, which refers to the error, so an unloaded model of the request
    would stay in memory until the garbage collector finds the cycle.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _rare_counts(seen: Observation) -> tuple[str, ...]:
    """Names of the counts of rare events, in the order of `METRICS`."""
    if seen.error is None and not seen.answered_by:
        return ()
    fault = METRICS.faults.get(type(seen.error).__name__)
    counted = {
        METRICS.waking: _waking(seen.error),
        METRICS.broken_streams: seen.broken,
        METRICS.twin_answers: bool(seen.answered_by),
    }
    names = (name for name, happened in counted.items() if happened)
    return (*((fault,) if fault else ()), *names)


def _fields(exchange: Exchange, seen: Observation, context: Any) -> dict[str, str | int | None]:
    """Return the fields besides metrics and dimensions, named as by Powertools' Logger."""
    level = "ERROR" if seen.broken else "INFO"
    if exchange.status >= _CLIENT_ERROR:
        mild = exchange.status < _SERVER_ERROR or _waking(seen.error)
        level = "WARNING" if mild else "ERROR"
    fields: dict[str, str | int | None] = {
        "level": level,
        "message": "request",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "service": METRICS.service,
        "correlation_id": exchange.request_id,
        "method": exchange.method,
        "path": brief(exchange.path),
        "status": exchange.status,
    }
    if context is not None:
        fields |= {name: str(getattr(context, name, _NONE)) for name in METRICS.of_function[-1]}
    if seen.error is not None:
        fields |= {"error": type(seen.error).__name__, "reason": str(seen.error)}
    return fields


def _waking(error: BaseException | None) -> bool:
    """Whether the endpoint could not answer yet, because it starts or is updated."""
    return isinstance(error, EndpointUnready) and error.retry_after_s is not None


def _from_hook(scope: Scope) -> bool:
    """Whether the request tests a version that gets no traffic yet.

    The alarms that judge the version count callers' requests only.
    """
    return _gateway_id(scope) == HOOK.request_id


def _gateway_id(scope: Scope) -> str | None:
    """Return API Gateway's id of a request; None outside Lambda."""
    event: dict[str, Any] = scope.get("aws.event", {})
    found: str | None = event.get("requestContext", {}).get("requestId")
    return found


def _request_id(scope: Scope) -> str:
    """Return the caller's id if it can be logged, else API Gateway's, else a new one."""
    for key, value in scope.get("headers", ()):
        if key.lower() in (b"x-request-id", b"x-correlation-id"):
            text = value.decode("latin-1")
            if text.isprintable() and text.isascii() and 0 < len(text) <= _LONGEST_ID:
                return str(text)
    return _gateway_id(scope) or os.urandom(16).hex()


def _header(request_id: str) -> tuple[bytes, bytes]:
    return (REQUEST_ID.encode(), request_id.encode())
