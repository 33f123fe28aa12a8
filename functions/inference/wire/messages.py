"""Requests and responses between application and dialects, and the record of each exchange."""

from collections.abc import Generator, Iterable, Mapping
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lading.functions.contract.names import VERSION_HEADER
from lading.functions.inference.tensors import json_values

if TYPE_CHECKING:
    from lading.functions.contract.errors import InferenceError
    from lading.functions.inference.capture.truths import FeedbackScore
    from lading.functions.inference.graphs.node_runs import NodeRun
    from lading.functions.inference.wire.deferred import Deferred

JSON = "application/json"
LONGEST_ID = 128
"""The most characters of a request's id."""

OBSERVATION = "lading.observation"
"""The key of the ASGI scope with the observation for the middleware."""
REFUSAL = "lading.refusal"
"""The key of the ASGI scope with the error that answers a request, whatever its body says."""
ANSWERED_BY = "lading-answered-by"
"""Header with the name of the model that answered in place of the requested one."""

TRACE = "traceparent"
"""The header of W3C Trace Context: the span that the next call belongs to."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


_SINGLE = frozenset(
    {
        *("authorization", "content-type", "idempotency-key", "inference-header-content-length"),
        *("origin", "x-api-key"),
    }
)
"""Headers with a single value, of those that the service reads; any other may be a list."""


def is_trace(header: str) -> bool:
    """Return whether a header is a `traceparent` of version 00: W3C Trace Context, 3.2.2.

    >>> is_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    True
    """
    parts = header.split("-")
    return (
        parts[:1] == ["00"]
        and [len(part) for part in parts] == [2, 32, 16, 2]
        and not {*"".join(parts)} - {*"0123456789abcdef"}
        and all({*part} != {"0"} for part in parts[1:3])
    )


def read_headers(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name in lower case, those on several lines as one list.

    RFC 9110, 5.3: the values are joined with commas in their order. A header with a single value
    may be repeated unchanged; different values are joined all the same, and its reader refuses the
    list.
    """
    headers: dict[str, str] = {}
    for key, line in lines:
        name, value = key.decode("latin-1").lower(), line.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name not in _SINGLE or headers[name] != value:
            headers[name] = f"{headers[name]}, {value}"
    return headers


class Request(NamedTuple):
    """One HTTP request; header names are lower case, the path is below the base URL.

    `caller` is who sends it, as the gateway names it (`caller.py`); empty where none does.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    caller: str = ""


class Response(NamedTuple):
    """One HTTP response, whole."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = _NO_HEADERS
    deferred: "Deferred | None" = None
    """Where the answer will be, if it comes later; then there is no body."""


def json_response(document: Any, status: int = 200) -> Response:
    """Return a response of one JSON document, in which NaN and Infinity are bare tokens."""
    return Response(status, json_values.dumps(document))


class StreamedResponse(NamedTuple):
    """One HTTP response in parts; closing `parts` stops their production.

    `parts` raises nothing: after an error it ends with the dialect's error event.
    """

    status: int
    parts: Generator[bytes, None, None]
    content_type: str
    headers: Mapping[str, str] = _NO_HEADERS


class Observation:
    """The record of one exchange, for its log line and its metrics; times are seconds."""

    __slots__ = (
        *("started", "dialect", "model", "version", "compute_started", "compute_ended"),
        *("first_part", "ended", "error", "broken", "answered_by", "answered", "outputs", "answer"),
        "_spans",
        *("queued", "received", "sent", "rows", "request_id", "nodes", "trace", "chosen"),
        *("feedback", "captured", "unpacked"),
    )

    def __init__(  # noqa: PLR0913, PLR0917 a record; defining a dataclass would lengthen each cold start
        self,
        started: float | None = None,
        dialect: str = "",
        model: str = "",
        version: int | None = None,
        compute_started: float | None = None,
        compute_ended: float | None = None,
        *,
        ended: float | None = None,
        error: "InferenceError | None" = None,
    ) -> None:
        self.started = perf_counter() if started is None else started
        self.dialect, self.model, self.version = dialect, model, version
        self.compute_started, self.compute_ended = compute_started, compute_ended
        self.first_part: float | None = None
        self.ended, self.error = ended, error
        self.broken = False
        """Whether the answer ended with an error after its status was sent."""
        self.answered_by = ""
        """The model that answered in place of the requested one; empty if none did."""
        self.chosen: int | None = None
        """The version that answers in a split model; None for any other."""
        self.queued: float | None = None
        """Seconds for which it waited for a thread; None: it did not."""
        self.received = self.sent = self.unpacked = 0
        """Bytes of its body as it came, of its answer's, and of its body without compression."""
        self.rows = 0
        """Rows of the run that answered it; 0: no model ran."""
        self.request_id = self.trace = ""
        self.answered: tuple[Any, Mapping[str, Any]] | None = None
        """Prediction and outputs of a model with a baseline, until the exchange is logged."""
        self.captured: tuple[Any, Mapping[str, Any]] | None = None
        """Prediction and outputs, if they are to be captured, until they are."""
        self.nodes: tuple[NodeRun, ...] = ()
        """The runs of the models of a graph; empty for any other model."""
        self.outputs: Mapping[str, Any] | None = None
        """The arrays of the answer, by name, until its line is written; None if none are known."""
        self.feedback: FeedbackScore | None = None
        """How right the answer was that a truth belongs to; None: the request brings no truth."""
        self.answer: Mapping[str, Any] | None = None
        """What the log line says of the answer (`observability/answers.py`), where it does."""
        self._spans: dict[str, float] | None = None

    def finish(self) -> None:
        """Record the end of the answer, once: its line may be written later."""
        if self.ended is None:
            self.ended = perf_counter()

    def milliseconds(self) -> dict[str, float]:
        """Return the total time, and its spans if there was a prediction; none before the end."""
        if self._spans is None and self.ended is not None:
            self._spans = _spans(self, self.ended)
        return self._spans or {}


def is_request_id(text: str) -> bool:
    """Return whether a caller's text can be logged as the id of a request."""
    return text.isprintable() and text.isascii() and 0 < len(text) <= LONGEST_ID


def marks_of(seen: Observation) -> Mapping[str, str]:
    """Return headers that say which model or version answered, where that is open."""
    if not seen.answered_by and seen.chosen is None:
        return _NO_HEADERS
    twin = {ANSWERED_BY: seen.answered_by} if seen.answered_by else {}
    return twin if seen.chosen is None else {**twin, VERSION_HEADER: str(seen.chosen)}


def _spans(seen: Observation, ended: float) -> dict[str, float]:
    started, computing, computed = seen.started, seen.compute_started, seen.compute_ended
    spans = {"total": (ended - started) * 1000}
    if computing is not None and computed is not None:
        queued = seen.queued or 0.0
        if seen.queued is not None:
            spans["queue"] = queued * 1000
        spans["decode"] = (computing - started - queued) * 1000
        spans["compute"] = (computed - computing) * 1000
        spans["encode"] = (ended - computed) * 1000
    if seen.first_part is not None:
        spans["first"] = (seen.first_part - started) * 1000
    return spans
