"""What the dashboards show, as data: the panels of CloudWatch's, from the same description.

`$stage` and `$model` are chosen on the dashboard; `$__rate_interval` is Grafana's, at least four
scrapes.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from lading.functions.contract import watched
from lading.functions.contract.names import CAPTURE, DRIFT
from lading.functions.contract.watched import DRIFTS, FAULTS, TIMES, Figure

Shown = Literal["reqps", "percentunit", "s", "bytes", "short", "Bps"]
"""Grafana's names of units."""

_TOLD: Final = watched.FEEDBACK
_ALL: Final = 'stage="$stage"'
_OF_MODEL: Final = f'{_ALL}, model=~"$model"'
_WINDOW: Final = "[$__rate_interval]"


class Line(NamedTuple):
    """One expression of a panel, and how its lines are called."""

    expression: str
    legend: str


class Panel(NamedTuple):
    """A graph.

    Args:
        title: its title.
        unit: the unit of its values.
        lines: its expressions.
        text: what it shows, where the title does not say that.
        pages: pages of the runbook for alerts on it.
        exemplars: whether it shows single requests.
    """

    title: str
    unit: Shown
    lines: tuple[Line, ...]
    text: str = ""
    pages: tuple[str, ...] = ()
    exemplars: bool = False


class PanelRow(NamedTuple):
    """Panels below a heading."""

    title: str
    panels: tuple[Panel, ...]


class Board(NamedTuple):
    """A dashboard."""

    uid: str
    title: str
    rows: tuple[PanelRow, ...]


def _rate(figure: Figure, by: str = "model", *more: str) -> str:
    only = ", ".join((_OF_MODEL, *more))
    return f"sum by ({by}) (rate({figure.name}_total{{{only}}}{_WINDOW}))"


def _share(figure: Figure, by: str = "model") -> str:
    return f"{_rate(figure, by)} / {_rate(watched.REQUESTS, by)}"


def _quantile(quantile: float, figure: Figure, by: str = "model") -> str:
    buckets = f"sum by ({by}, le) (rate({figure.name}_bucket{{{_OF_MODEL}}}{_WINDOW}))"
    return f"histogram_quantile({quantile:g}, {buckets})"


def _gauge(figure: Figure, by: str = "model") -> str:
    return f"sum by ({by}) ({figure.name}{{{_OF_MODEL}}})"


def _quantiles(figure: Figure, name: str = "{{model}}") -> Iterable[Line]:
    for quantile in (0.5, 0.99):
        yield Line(_quantile(quantile, figure), f"{name} p{quantile * 100:g}")


_TRAFFIC: Final = (
    Panel("Requests", "reqps", (Line(_rate(watched.REQUESTS), "{{model}}"),)),
    Panel("Requests by status", "reqps", (Line(_rate(watched.REQUESTS, "status"), "{{status}}"),)),
    Panel(
        "Error rate (5xx and broken streams)",
        "percentunit",
        (Line(_share(watched.SERVER_ERRORS), "{{model}}"),),
        pages=("availability-burn",),
    ),
    Panel(
        "4xx error rate",
        "percentunit",
        (Line(_share(watched.CLIENT_ERRORS), "{{model}}"),),
        pages=("client-errors",),
    ),
    Panel("Latency", "s", (*_quantiles(TIMES["total"]),), pages=("latency-burn",), exemplars=True),
    Panel(
        "Parts of the latency (p99)",
        "s",
        tuple(
            Line(_quantile(0.99, figure, "stage"), part)
            for part, figure in TIMES.items()
            if part not in {"total", "first"}
        ),
        "Only requests that waited for a thread are in `queue`.",
    ),
    Panel("Time to the first part of a streamed answer", "s", (*_quantiles(TIMES["first"]),)),
    Panel(
        "Alerts",
        "short",
        (
            Line(
                f'sum by (alertname, severity) (ALERTS{{{_ALL}, alertstate="firing"}})',
                "{{alertname}} ({{severity}})",
            ),
        ),
        "Alerts that fire; each has a page in the runbook.",
    ),
)

_VERSIONS: Final = (
    Panel(
        "New and old version: requests",
        "reqps",
        (Line(_rate(watched.REQUESTS, "model, version"), "{{model}} {{version}}"),),
    ),
    Panel(
        "New and old version: error rate",
        "percentunit",
        (Line(_share(watched.SERVER_ERRORS, "model, version"), "{{model}} {{version}}"),),
    ),
    Panel(
        "New and old version: p99 latency",
        "s",
        (Line(_quantile(0.99, TIMES["total"], "model, version"), "{{model}} {{version}}"),),
    ),
    Panel(
        "Versions that can answer",
        "short",
        (
            Line(
                f"min by (model, version) ({watched.MODEL_READY.name}{{{_OF_MODEL}}})",
                "{{model}} {{version}}",
            ),
        ),
        "1: it can; 0: it cannot.",
        ("model-not-ready",),
    ),
    Panel(
        "Live accuracy, by feedback",
        "percentunit",
        (
            Line(
                f"{_rate(_TOLD[CAPTURE.correct], 'model, version')}"
                f" / {_rate(_TOLD[CAPTURE.labeled], 'model, version')}",
                "{{model}} {{version}}",
            ),
        ),
        "Of rows whose truth callers sent; they are rarely a random sample.",
    ),
    Panel(
        "Live mean absolute error of numbers, by feedback",
        "short",
        (
            Line(
                f"{_rate(_TOLD[CAPTURE.error], 'model, version')}"
                f" / {_rate(_TOLD[CAPTURE.rows], 'model, version')}",
                "{{model}} {{version}}",
            ),
        ),
    ),
    Panel(
        "Captured requests",
        "reqps",
        (
            Line(_rate(watched.CAPTURED), "{{model}}"),
            Line(_rate(watched.CAPTURE_LOST), "{{model}} lost"),
        ),
        "Of the share that a stage or a container captures.",
    ),
)

_QUEUE: Final = (
    Panel("Requests that wait", "short", (Line(_gauge(watched.QUEUE_REQUESTS), "{{model}}"),)),
    Panel(
        "Time in the queue",
        "s",
        (*_quantiles(TIMES["queue"]),),
        "Of the requests that waited.",
        ("queue-waits",),
    ),
    Panel(
        "Refused requests (429, 503)",
        "percentunit",
        (
            Line(
                _rate(watched.REQUESTS, "model", 'status=~"429|503"')
                + f" / {_rate(watched.REQUESTS)}",
                "{{model}}",
            ),
        ),
        pages=("refused-requests",),
    ),
    Panel(
        "Runs",
        "short",
        (
            Line(_gauge(watched.ACTIVE_RUNS), "{{model}} under way"),
            Line(_rate(watched.RUNS), "{{model}} in a second"),
            Line(_rate(watched.JOINED), "{{model}} joined requests in a second"),
        ),
    ),
    Panel("Rows of a run", "short", (*_quantiles(watched.BATCH_ROWS),)),
    Panel(
        "Rare events",
        "reqps",
        tuple(Line(_rate(figure), f"{{{{model}}}} {name}") for name, figure in FAULTS.items()),
    ),
)


def _most(figure: Figure) -> str:
    return f"max by (model, version) ({figure.name}{{{_OF_MODEL}}})"


_DRIFT: Final = (
    Panel(
        "Inputs and answers that drift",
        "short",
        (Line(_most(DRIFTS[DRIFT.features]), "{{model}} {{version}}"),),
        "Over the last hour with requests, beside the baseline of the version.",
        ("drift",),
    ),
    Panel(
        "Largest shift (population stability index)",
        "short",
        (Line(_most(DRIFTS[DRIFT.largest]), "{{model}} {{version}}"),),
        "Below 0.1: none; from 0.25: a large one.",
        ("drift",),
    ),
    Panel(
        "Missing values, and values outside the range",
        "percentunit",
        (
            Line(_most(DRIFTS[DRIFT.missing]), "{{model}} {{version}} missing"),
            Line(_most(DRIFTS[DRIFT.outside]), "{{model}} {{version}} outside"),
        ),
        "Of the input or output that has most of them.",
    ),
)

_SERVERS: Final = (
    Panel("Memory", "bytes", (Line(f"{watched.MEMORY.name}{{{_ALL}}}", "{{instance}}"),)),
    Panel(
        "Processors in use",
        "short",
        (Line(f"rate({watched.CPU.name}_total{{{_ALL}}}{_WINDOW})", "{{instance}}"),),
    ),
    Panel(
        "Sizes of requests and answers (p99)",
        "bytes",
        (
            Line(_quantile(0.99, watched.REQUEST_BYTES), "{{model}} request"),
            Line(_quantile(0.99, watched.RESPONSE_BYTES), "{{model}} answer"),
        ),
    ),
    Panel(
        "Bytes of requests without an answer",
        "bytes",
        (Line(_gauge(watched.HELD_BYTES), "{{model}}"),),
    ),
    Panel(
        "Servers that answer, restarts and cold starts",
        "short",
        (
            Line(f'sum by (stage) (up{{{_ALL}, job="lading"}})', "servers"),
            Line(f"sum (changes({watched.STARTED.name}{{{_ALL}}}[15m]))", "restarts in 15 minutes"),
            Line(f"sum ({watched.COLD_STARTS.name}_total{{{_ALL}}})", "cold starts of these"),
        ),
        pages=("server-down", "restarts"),
    ),
)

BOARDS: Final = (
    Board(
        "lading-service",
        "Lading: what callers notice",
        (PanelRow("Traffic", _TRAFFIC), PanelRow("Versions", _VERSIONS)),
    ),
    Board(
        "lading-operations",
        "Lading: operations",
        (
            PanelRow("Queue and model", _QUEUE),
            PanelRow("Drift", _DRIFT),
            PanelRow("Servers", _SERVERS),
        ),
    ),
)
