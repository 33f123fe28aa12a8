"""The line that a request leaves: its log entry and its metrics at once, as one JSON document.

It has CloudWatch's embedded metric format with the log's fields as metadata, so that a latency on a
dashboard and the request behind it are one event, paid for once. Most lines of a route differ only
in their times and in the request's id. So a document is built once for all requests that agree in
the rest, and its text is kept with places for what differs.
"""

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import orjson
from aws_lambda_powertools.metrics import EphemeralMetrics

from lading.functions.contract.errors import EndpointUnready, InferenceError, InternalFailure, brief
from lading.functions.contract.names import METRICS
from lading.functions.inference.wire.messages import Observation

MOST_TEMPLATES: Final = 1024
"""A caller chooses the path, so the templates that are kept are bounded in number and length."""
LONGEST_PATH: Final = 128

NONE: Final = "none"
_LONGEST_METHOD = 8
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_COUNTS = (METRICS.requests, METRICS.client_errors, METRICS.server_errors, METRICS.cold_start)


class Exchange(NamedTuple):
    """One answered request; `status` is that of HTTP, or the equivalent of another protocol."""

    method: str
    path: str
    status: int
    request_id: str


class Surroundings(NamedTuple):
    """What a line says of the process: the stage, whether it is cold, and Lambda's function.

    The function has its name and version; it is empty where no function's metrics count a request.
    """

    stage: str = ""
    cold: bool = False
    function: tuple[str, ...] = ()


def write_line(
    exchange: Exchange, seen: Observation, around: Surroundings, milliseconds: int
) -> str:
    """Return the line of a request that ended at this time, in milliseconds since 1970."""
    if not _is_usual(exchange, seen):
        return orjson.dumps(document(exchange, seen, around, milliseconds)).decode()
    times, dimensions = seen.milliseconds(), (seen.model, seen.version, seen.dialect)
    template = _template(exchange[:3], dimensions, around, tuple(times))
    # One call for all numbers, by the library that writes the document: their digits are the same.
    numbers = orjson.dumps([*map(_rounded, times.values())]).decode()[1:-1].split(",")
    identity = orjson.dumps(exchange.request_id).decode()
    sizes = seen.received, seen.sent, seen.rows
    return template % (_timestamp(milliseconds), identity, *sizes, *numbers, milliseconds)


def document(
    exchange: Exchange, seen: Observation, around: Surroundings, milliseconds: int
) -> dict[str, Any]:
    """Return the line's document."""
    rare = rare_counts(seen)
    times = {METRICS.times[name]: took for name, took in seen.milliseconds().items()}
    dimensions = (seen.model, seen.version, seen.dialect)
    stage = {METRICS.stage: around.stage} if around.stage else {}
    declared = _declare(
        (*METRICS.dimensions, *stage), tuple(times), rare, of_function=bool(around.function)
    )
    return {
        **_fields(exchange, seen, around, milliseconds),
        **stage,
        **dict(zip(METRICS.dimensions, (str(it or NONE) for it in dimensions), strict=True)),
        **_counts(exchange.status, seen, cold=around.cold),
        **{name: [1] for name in rare},
        **{name: [_rounded(took)] for name, took in times.items()},
        "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": declared},
    }


def _is_usual(exchange: Exchange, seen: Observation) -> bool:
    """Return whether other requests may have a line that differs in times and id only."""
    return (
        seen.error is None
        and not (seen.broken or seen.answered_by or seen.nodes or seen.answer)
        and len(exchange.path) <= LONGEST_PATH
        and len(exchange.method) <= _LONGEST_METHOD
    )


@lru_cache(MOST_TEMPLATES)
def _template(
    request: tuple[str, str, int],
    dimensions: tuple[str, int | None, str],
    around: Surroundings,
    spans: tuple[str, ...],
) -> str:
    """Return the text of a document with a place for the time, the id, each span, and the time.

    No value can hold what is replaced, since JSON escapes the quotation marks in a text.
    """
    exchange, seen = Exchange(*request, request_id=""), _spanning(spans)
    seen.model, seen.version, seen.dialect = dimensions
    text = orjson.dumps(document(exchange, seen, around, 0)).decode()
    text = text.replace("%", "%%")
    for key, value, place in (
        ("timestamp", f'"{_timestamp(0)}"', '"%s"'),
        ("correlation_id", '""', "%s"),
        *((size, "0", "%d") for size in METRICS.sizes),
        *((METRICS.times[span], "[0.0]", "[%s]") for span in spans),
        ("Timestamp", "0", "%d"),
    ):
        text = text.replace(f'"{key}":{value}', f'"{key}":{place}')
    return text


def _spanning(spans: tuple[str, ...]) -> Observation:
    """Return an observation that has ended, with these spans, each of no length."""
    seen = Observation(started=0.0, ended=0.0)
    if "compute" in spans:
        seen.compute_started = seen.compute_ended = 0.0
    if "queue" in spans:
        seen.queued = 0.0
    if "first" in spans:
        seen.first_part = 0.0
    return seen


def _rounded(milliseconds: float) -> float:
    """Return a duration to the microsecond; `round(..., 3)` takes five times as long."""
    return round(milliseconds * 1000) / 1000


def _timestamp(milliseconds: int) -> str:
    """Return the time in ISO 8601, as `datetime.isoformat` writes it.

    >>> _timestamp(1_700_000_000_042)
    '2023-11-14T22:13:20.042+00:00'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_to_seconds(seconds)}.{rest:03}+00:00"


@lru_cache(4)
def _to_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _counts(status: int, seen: Observation, *, cold: bool) -> dict[str, list[int]]:
    counts = (True, is_client_error(status), is_server_error(status, seen), cold)
    return {name: [int(count)] for name, count in zip(_COUNTS, counts, strict=True)}


@cache
def _declare(
    dimensions: tuple[str, ...], times: tuple[str, ...], rare: tuple[str, ...], *, of_function: bool
) -> list[Any]:
    """Return the metrics that CloudWatch reads from a line with these times and counts."""
    units = {**dict.fromkeys(_COUNTS + rare, "Count"), **dict.fromkeys(times, "Milliseconds")}
    metrics = {name: {"Unit": unit, "Value": [0]} for name, unit in units.items()}
    emf = EphemeralMetrics(namespace=METRICS.namespace)
    declared = emf.serialize_metric_set(metrics, dict.fromkeys(dimensions, NONE))
    directives: list[Any] = [*declared["_aws"]["CloudWatchMetrics"]]
    names = (*METRICS.function_counts, *rare)
    counts = {
        "Namespace": METRICS.namespace,
        "Dimensions": METRICS.of_function,
        "Metrics": [{"Name": name, "Unit": "Count"} for name in names],
    }
    if not of_function:
        return directives
    of_stage = METRICS.waking in rare and METRICS.stage in dimensions
    return [*directives, counts, *([_waking_of_stage()] if of_stage else [])]


def _waking_of_stage() -> dict[str, Any]:
    """Return the count of waking endpoints by stage, which the API's alarm subtracts."""
    metrics = [{"Name": METRICS.waking, "Unit": "Count"}]
    return {"Namespace": METRICS.namespace, "Dimensions": [[METRICS.stage]], "Metrics": metrics}


def _fields(
    exchange: Exchange, seen: Observation, around: Surroundings, milliseconds: int
) -> dict[str, Any]:
    """Return the fields besides metrics and dimensions, named as by Powertools' Logger."""
    level = "ERROR" if seen.broken else "INFO"
    if exchange.status >= _CLIENT_ERROR:
        mild = exchange.status < _SERVER_ERROR or is_waking(seen)
        level = "WARNING" if mild else "ERROR"
    fields: dict[str, Any] = {
        "level": level,
        "message": "request",
        "timestamp": _timestamp(milliseconds),
        "service": METRICS.service,
        "correlation_id": exchange.request_id,
        "method": exchange.method,
        "path": brief(exchange.path),
        "status": exchange.status,
        **dict(zip(METRICS.sizes, (seen.received, seen.sent, seen.rows), strict=True)),
        **dict(zip(METRICS.of_function[-1], around.function, strict=False)),
    }
    if seen.error is not None:
        fields |= _reason(seen.error)
    if seen.nodes:
        from lading.functions.inference.graphs.node_runs import runs_document

        fields |= {"nodes": runs_document(seen.nodes)}
    return fields if seen.answer is None else {**fields, "answer": seen.answer}


def _reason(error: InferenceError) -> dict[str, str]:
    if isinstance(error, InternalFailure):
        return {"error": error.kind, "reason": error.reason or str(error)}
    return {"error": type(error).__name__, "reason": str(error)}


def is_client_error(status: int) -> bool:
    """Return whether a status says that the request was wrong."""
    return _CLIENT_ERROR <= status < _SERVER_ERROR


def is_server_error(status: int, seen: Observation) -> bool:
    """Return whether the service failed; an endpoint that wakes needs a retry only."""
    return (status >= _SERVER_ERROR and not is_waking(seen)) or seen.broken


def is_waking(seen: Observation) -> bool:
    """Return whether the endpoint could not answer yet, because it starts or is updated."""
    return isinstance(seen.error, EndpointUnready) and seen.error.retry_after_s is not None


def rare_counts(seen: Observation) -> tuple[str, ...]:
    """Return CloudWatch's names of the counts of rare events, in the order of `METRICS`."""
    if seen.error is None and not seen.answered_by:
        return ()
    fault = METRICS.faults.get(type(seen.error).__name__)
    counted = {
        METRICS.waking: is_waking(seen),
        METRICS.broken_streams: seen.broken,
        METRICS.twin_answers: bool(seen.answered_by),
    }
    names = (name for name, happened in counted.items() if happened)
    return (*((fault,) if fault else ()), *names)
