"""The reference of metrics, from the one description of what is watched."""

from collections.abc import Iterable

from lading.functions.contract.watched import JUDGED, WATCHED, Figure, Kind
from website.markdown import code, table, text

_HEAD = """# Metrics

The container and `lading serve` have the names of Prometheus at `/metrics`; CloudWatch has the
others. A field is in each request's log line, where CloudWatch Logs Insights finds it.
[Watching](../watching.md) says what to do with them.
"""


def metrics_page() -> str:
    """Return the page of every figure, with its names."""
    return "\n".join(
        [
            _HEAD,
            "## Of every server\n",
            _figures(WATCHED),
            "## Of the judge of roll-outs\n",
            _figures(JUDGED),
        ]
    )


def _figures(figures: Iterable[Figure]) -> str:
    rows = [[code(_prometheus_name(each)), _elsewhere(each), _told(each)] for each in figures]
    named = any(name for name, _, _ in rows)
    head = ["Prometheus", "CloudWatch", "meaning"]
    return table(head, rows) if named else table(head[1:], [row[1:] for row in rows])


def _prometheus_name(figure: Figure) -> str:
    counts = figure.name and figure.kind is Kind.COUNTER
    return f"{figure.name}_total" if counts else figure.name


def _elsewhere(figure: Figure) -> str:
    return f"field {code(figure.field)}" if figure.field else code(figure.cloudwatch)


def _told(figure: Figure) -> str:
    labels = ", ".join(code(label) for label in figure.labels)
    kind = f"{figure.kind.value}, by {labels}" if labels else figure.kind.value
    return f"{text(figure.text)} ({kind})"
