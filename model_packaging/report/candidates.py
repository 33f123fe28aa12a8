"""The section about `quantize: auto`: each candidate, its figures, and why it was refused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.report.elements import table, undamaged
from lading.model_packaging.sizes import in_words

_Document = Mapping[str, Any]


def candidates(report: _Document) -> Iterable[str]:
    """Yield a table for each stage that chose from several models; nothing without one.

    Raises:
        ValueError: the report is not what packaging writes.
    """
    with undamaged():
        found = [
            (str(stage["step"]), [*map(_row, stage["candidates"])])
            for stage in report.get("stages") or ()
            if stage.get("candidates")
        ]
    for stage, rows in found:
        yield f"<h2>{escape(f'What {stage}: auto tried')}</h2>"
        yield (
            "<p>The smallest model that passes the accuracy gate is kept. Metric and drop have "
            "95 % confidence intervals.</p>"
        )
        yield table(("candidate", "outcome", "size", "metric", "drop"), rows, numbers=(2, 3, 4))


def _row(document: _Document) -> Sequence[str]:
    size, reason = document.get("bytes"), document.get("reason")
    outcome = f"{document['outcome']}: {reason}" if reason else str(document["outcome"])
    return [
        str(document["name"]),
        outcome,
        "" if size is None else in_words(int(size)),
        *_measured(document.get("accuracy")),
    ]


def _measured(document: _Document | None) -> Iterator[str]:
    if document is None:
        yield from ("", "")
        return
    change = AccuracyChange.from_json(document)
    yield f"{change.after:.4f} ({change.intervals.after})"
    yield f"{change.drop:.4f} ({change.intervals.drop})"
