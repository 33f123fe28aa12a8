"""All that is watched, each figure described once: for CloudWatch, for Prometheus, for dashboards.

A figure has a name in each place that has it. A count and a time that are metrics in CloudWatch are
written with each request's log line. What a log line has as a field only is a `field`: CloudWatch
Logs Insights reads it when somebody asks, and nothing is paid meanwhile.

To watch something new, add its `Figure` and name it in `WATCHED`; what CloudWatch has alone is in
`JUDGED`.
"""

from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import CAPTURE, DRIFT, METRICS


class Kind(Enum):
    """The types of a figure; the values are Prometheus's words."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"
    UNKNOWN = "unknown"
    """A count under another server's name, which does not say that it is one."""


class Unit(Enum):
    """The units of figures in Prometheus; the values are CloudWatch's words for what it gets."""

    COUNT = "Count"
    SECONDS = "Milliseconds"
    BYTES = "Bytes"
    NONE = "None"


class Figure(NamedTuple):
    """One thing that is watched.

    Args:
        name: its name in Prometheus, of a counter without `_total`; empty: it has none there.
        text: the meaning, in a sentence.
        labels: the names of its labels in Prometheus.
        kind: the type.
        bounds: of a histogram, the highest value of each bucket but the last, ascending.
        least: of a gauge, whether several processes together have the lowest value, not the sum.
        most: of a gauge, whether they have the highest value.
        unit: the unit in Prometheus; CloudWatch gets seconds as milliseconds.
        cloudwatch: the name of its metric in CloudWatch; empty: it has none there.
        field: the field of a request's log line that has it, where it is no metric in CloudWatch.
        exemplars: of a histogram, whether each bucket names a request.
    """

    name: str
    text: str
    labels: tuple[str, ...]
    kind: Kind = Kind.COUNTER
    bounds: tuple[float, ...] = ()
    least: bool = False
    most: bool = False
    unit: Unit = Unit.COUNT
    cloudwatch: str = ""
    field: str = ""
    exemplars: bool = False


SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Bounds of times: from a tree ensemble's to that of an endpoint's longest answer.

Only a bound tells exactly how many answers were faster, so an objective must be one of them.
"""
BYTES: Final = tuple(4.0**power for power in range(3, 14))
"""Bounds of sizes: from 64 bytes to 64 MiB."""
ROWS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)

LABELS: Final = METRICS.dimensions
_STATUS, _MODEL = (*LABELS, "status"), LABELS[:1]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _time(span: str, text: str) -> Figure:
    name = METRICS.times[span]
    return Figure(
        f"lading{_snake(name)}_seconds",
        text,
        LABELS,
        Kind.HISTOGRAM,
        SECONDS,
        unit=Unit.SECONDS,
        cloudwatch=name,
        exemplars=span == "total",
    )


REQUESTS: Final = Figure(
    "lading_requests", "Requests answered.", _STATUS, cloudwatch=METRICS.requests
)
CLIENT_ERRORS: Final = Figure(
    "lading_client_errors",
    "Requests that were the caller's mistake (4xx).",
    LABELS,
    cloudwatch=METRICS.client_errors,
)
SERVER_ERRORS: Final = Figure(
    "lading_server_errors",
    "Requests that failed in the service: 5xx, broken streams; not an endpoint that wakes.",
    LABELS,
    cloudwatch=METRICS.server_errors,
)
COLD_STARTS: Final = Figure(
    "lading_cold_starts",
    "Requests that were the first of their process.",
    LABELS,
    cloudwatch=METRICS.cold_start,
)
TIMES: Final = MappingProxyType(
    {
        "total": _time("total", "Seconds of a request, from its arrival to its answer."),
        "queue": _time("queue", "Seconds for which a request waited, of those that waited."),
        "decode": _time("decode", "Seconds in which a request was decoded."),
        "compute": _time("compute", "Seconds in which the model ran."),
        "encode": _time("encode", "Seconds in which an answer was encoded."),
        "first": _time("first", "Seconds until the first part of a streamed answer was sent."),
    }
)
"""Part of a request's time -> its figure."""

REQUEST_BYTES: Final = Figure(
    "lading_request_bytes",
    "Bytes of the bodies of requests.",
    LABELS,
    Kind.HISTOGRAM,
    BYTES,
    unit=Unit.BYTES,
    field=METRICS.sizes[0],
)
RESPONSE_BYTES: Final = Figure(
    "lading_response_bytes",
    "Bytes of the bodies of answers.",
    LABELS,
    Kind.HISTOGRAM,
    BYTES,
    unit=Unit.BYTES,
    field=METRICS.sizes[1],
)
BATCH_ROWS: Final = Figure(
    "lading_batch_rows",
    "Rows of the run that answered a request, with those of requests that shared it.",
    LABELS,
    Kind.HISTOGRAM,
    ROWS,
    field=METRICS.sizes[2],
)


def _rare(name: str, text: str) -> Figure:
    return Figure(f"lading{_snake(name)}", text, LABELS, cloudwatch=name)


FAULTS: Final = MappingProxyType(
    {
        **{
            name: _rare(name, f"Requests that ended with the error {error}.")
            for error, name in METRICS.faults.items()
        },
        METRICS.waking: _rare(METRICS.waking, "Requests whose endpoint starts or is updated."),
        METRICS.broken_streams: _rare(
            METRICS.broken_streams, "Answers that ended with an error after their status was sent."
        ),
        METRICS.twin_answers: _rare(
            METRICS.twin_answers, "Answers of a model's twin, while its endpoint was away."
        ),
    }
)
"""Name in CloudWatch of a rare event -> its figure."""

CAPTURED: Final = Figure(
    "lading_captured_requests", "Requests captured.", _MODEL, cloudwatch=CAPTURE.captured
)
CAPTURE_LOST: Final = Figure(
    "lading_capture_lost_requests",
    "Requests of the share that were not captured: S3 failed, or they were too many or too large.",
    _MODEL,
    cloudwatch=CAPTURE.lost,
)
FEEDBACK: Final = MappingProxyType(
    {
        name: Figure(f"lading{_snake(name)}", text, LABELS[:2], cloudwatch=name)
        for name, text in (
            (CAPTURE.rows, "Rows whose truth is known."),
            (CAPTURE.labeled, "Rows whose truth is known and whose answer is a class."),
            (CAPTURE.correct, "Of these, rows whose class was right."),
            (CAPTURE.error, "Sum of the absolute errors of numbers whose truth is known."),
        )
    }
)
"""Name in CloudWatch -> the figure: how right answers were, by version."""

MODEL_READY: Final = Figure(
    "lading_model_ready",
    "Whether a version of a model can answer.",
    LABELS[:2],
    Kind.GAUGE,
    least=True,
    unit=Unit.NONE,
)
QUEUE_REQUESTS: Final = Figure(
    "lading_queue_requests", "Requests that wait for a model.", _MODEL, Kind.GAUGE
)
QUEUE_WAIT: Final = Figure(
    "lading_queue_wait_seconds",
    "How long the requests that wait have waited, together.",
    _MODEL,
    Kind.GAUGE,
    unit=Unit.SECONDS,
)
HELD_BYTES: Final = Figure(
    "lading_held_bytes",
    "Bytes of the bodies of requests without an answer.",
    _MODEL,
    Kind.GAUGE,
    unit=Unit.BYTES,
)
ACTIVE_RUNS: Final = Figure("lading_active_runs", "Runs of a model under way.", _MODEL, Kind.GAUGE)
RUNS: Final = Figure("lading_runs", "Runs of a model that ended.", _MODEL)
JOINED: Final = Figure("lading_joined_requests", "Requests that shared a run with others.", _MODEL)


def _drift(name: str, text: str) -> Figure:
    return Figure(
        f"lading{_snake(name)}".replace("_p_s_i", "_psi"),
        text,
        LABELS[:2],
        Kind.GAUGE,
        most=True,
        unit=Unit.NONE,
        cloudwatch=name,
    )


DRIFTS: Final = MappingProxyType(
    {
        DRIFT.features: _drift(DRIFT.features, "Inputs and outputs that drift from the baseline."),
        DRIFT.largest: _drift(
            DRIFT.largest, "The largest population stability index of an input or output."
        ),
        DRIFT.missing: _drift(
            DRIFT.missing, "The largest share of missing values of an input or output."
        ),
        DRIFT.outside: _drift(
            DRIFT.outside, "The largest share of values outside the range of the baseline."
        ),
    }
)
"""Name in CloudWatch of a verdict on drift -> its figure: there of a model, here of a version."""


def _judged(name: str, text: str) -> Figure:
    return Figure("", text, (), Kind.GAUGE, unit=Unit.NONE, cloudwatch=name)


JUDGED: Final = (
    _judged(JUDGE.worse, "Whether a new version is worse than the old one."),
    _judged(JUDGE.update_worse, "Whether an endpoint's new version is worse than the old one."),
    _judged(JUDGE.undecided, "Whether a roll-out ended without proof."),
    _judged(JUDGE.update_undecided, "Whether an endpoint's update ended without proof."),
    _judged(JUDGE.evidence, "The largest share of the evidence that calls a new version worse."),
)
"""What the judge of a roll-out finds; AWS shifts the traffic, so Prometheus has nothing of it."""

MEMORY: Final = Figure(
    "process_resident_memory_bytes",
    "Memory of the processes; what they share counts for each.",
    (),
    Kind.GAUGE,
    unit=Unit.BYTES,
    field="@maxMemoryUsed",
)
CPU: Final = Figure(
    "process_cpu_seconds", "Processor time of the processes.", (), unit=Unit.SECONDS
)

STARTED: Final = Figure(
    "process_start_time_seconds",
    "When the oldest process started, in seconds since 1970.",
    (),
    Kind.GAUGE,
    least=True,
    unit=Unit.SECONDS,
)

WATCHED: Final = (
    *(REQUESTS, CLIENT_ERRORS, SERVER_ERRORS, COLD_STARTS, *TIMES.values()),
    *(REQUEST_BYTES, RESPONSE_BYTES, BATCH_ROWS, *FAULTS.values()),
    *(CAPTURED, CAPTURE_LOST, *FEEDBACK.values()),
    *(MODEL_READY, QUEUE_REQUESTS, QUEUE_WAIT, HELD_BYTES, ACTIVE_RUNS, RUNS, JOINED),
    *DRIFTS.values(),
    *(MEMORY, CPU, STARTED),
)
"""Every figure, in the order of Prometheus's page."""

CLOUDWATCH_UNITS: Final = MappingProxyType(
    {figure.cloudwatch: figure.unit.value for figure in (*WATCHED, *JUDGED) if figure.cloudwatch}
)
"""Metric in CloudWatch -> its unit there."""
