"""Spans of requests for OpenTelemetry, sent to a collector over OTLP.

A request that carries W3C's `traceparent` continues its trace. What comes after this server gets
the header of this server's span: the function behind an emulated gateway, and an endpoint. A span
has a child for each part of the request's time. OpenTelemetry's SDK sends them in a thread of its
own, and reads its usual variables. Only servers that know a collector import this module.

Conventions: https://opentelemetry.io/docs/specs/semconv/http/http-spans.
"""

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from time import perf_counter, time_ns
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lading.functions.contract.names import METRICS, VERSION
from lading.functions.inference.observability.line import is_server_error
from lading.functions.inference.observability.log import REQUEST_ID
from lading.functions.inference.wire.asgi import App, Message, Receive, Scope, Send
from lading.functions.inference.wire.messages import OBSERVATION, Observation, read_headers

_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)
_CONTEXT: Final = (b"traceparent", b"tracestate")
_MOST_NOTED: Final = 1024
_BILLION: Final = 1_000_000_000
_MILLION: Final = 1_000_000
"""Nanoseconds in a millisecond."""


class Tracing:
    """What makes and sends the spans of one process; `close` sends the last ones.

    Args:
        endpoint: the collector's URL for OTLP over HTTP, such as `http://localhost:4318`.
        stage: name of the deployment.
    """

    def __init__(self, endpoint: str, stage: str = "") -> None:
        named = {"service.name": f"lading-{METRICS.service}", "service.version": VERSION}
        deployed = {"deployment.environment.name": stage} if stage else {}
        self._provider = TracerProvider(resource=Resource.create({**named, **deployed}))
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("lading", VERSION)
        self._format = TraceContextTextMapPropagator()
        self._noted: OrderedDict[str, Observation] = OrderedDict()

    def close(self) -> None:
        """Send what has not been sent, and stop."""
        self._provider.shutdown()

    def note(self, seen: Observation, _status: int) -> None:
        """Keep the record of a request until its span ends, where it is not in ASGI's scope."""
        self._noted[seen.request_id] = seen
        if len(self._noted) > _MOST_NOTED:
            self._noted.popitem(last=False)

    def around(self, app: App) -> App:
        """Return `app` with a span for each request."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, started_ns = perf_counter(), time_ns()
            span = self._begin(scope, started_ns)
            status, request_id = 0, ""

            async def send_seen(message: Message) -> None:
                nonlocal status, request_id
                if message["type"] == "http.response.start":
                    status = message["status"]
                    request_id = read_headers(message["headers"]).get(REQUEST_ID, "")
                await send(message)

            try:
                await app(scope, receive, send_seen)
            finally:
                seen = scope.get(OBSERVATION) or self._noted.pop(request_id, None)
                if seen is not None:
                    self._add_parts(span, seen, started_ns - int(began * _BILLION))
                    _describe(span, seen, request_id)
                _finish(span, status, seen)

        return traced

    def _begin(self, scope: Scope, started_ns: int) -> Span:
        """Begin the span of a request, and put it into the headers for what comes after."""
        headers = read_headers(scope["headers"])
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        span = self._tracer.start_span(
            method,
            self._format.extract(headers),
            SpanKind.SERVER,
            {
                "http.request.method": method,
                "url.scheme": scope.get("scheme", "http"),
                "url.path": scope["path"],
            },
            start_time=started_ns,
        )
        after: dict[str, str] = {}
        self._format.inject(after, trace.set_span_in_context(span))
        kept = [(key, value) for key, value in scope["headers"] if key.lower() not in _CONTEXT]
        scope["headers"] = [*kept, *((key.encode(), it.encode()) for key, it in after.items())]
        return span

    def _add_parts(self, span: Span, seen: Observation, offset_ns: int) -> None:
        """Add a span for each part of the time; the parts follow one another."""
        within = trace.set_span_in_context(span)
        for name, began, ended in _parts(seen):
            part = self._tracer.start_span(
                name, within, start_time=offset_ns + int(began * _BILLION)
            )
            part.end(offset_ns + int(ended * _BILLION))
        for run in seen.nodes:
            start_ns = offset_ns + int(run.started * _BILLION)
            node = self._tracer.start_span(f"node {run.node}", within, start_time=start_ns)
            if run.error:
                node.set_attribute("error.type", run.error)
                node.set_status(Status(StatusCode.ERROR))
            node.end(start_ns + int(run.ms * _MILLION))


def _parts(seen: Observation) -> list[tuple[str, float, float]]:
    """Return name, begin and end of each part in seconds of `perf_counter`."""
    computing, computed, ended = seen.compute_started, seen.compute_ended, seen.ended
    if computing is None or computed is None or ended is None:
        return []
    queued = seen.started + (seen.queued or 0.0)
    bounds = [seen.started, queued, computing, computed, ended]
    parts = zip(("queue", "decode", "compute", "encode"), pairwise(bounds), strict=True)
    return [(name, *pair) for name, pair in parts if name != "queue" or seen.queued is not None]


def _describe(span: Span, seen: Observation, request_id: str) -> None:
    facts: Mapping[str, str | int | None] = {
        "lading.model": seen.model,
        "lading.version": seen.version,
        "lading.dialect": seen.dialect,
        "lading.request_id": request_id,
        "lading.rows": seen.rows,
        "http.request.body.size": seen.received,
        "http.response.body.size": seen.sent,
        "error.type": type(seen.error).__name__ if seen.error is not None else None,
    }
    for name, value in facts.items():
        if value is not None and value != "":
            span.set_attribute(name, value)
    if seen.model:
        span.update_name(f"predict {seen.model}")


def _finish(span: Span, status: int, seen: Observation | None) -> None:
    if status:
        span.set_attribute("http.response.status_code", status)
    if is_server_error(status, seen or Observation()):
        span.set_status(Status(StatusCode.ERROR))
    span.end()
