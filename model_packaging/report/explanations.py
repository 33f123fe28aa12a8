"""The part of the page about features: their importances, and partial dependence."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from lading.model_packaging.measure.change import ConfidenceInterval
from lading.model_packaging.report.elements import table
from lading.model_packaging.report.plots import curve, ranges

_LONGEST = 18


def explanations(report: Mapping[str, Any], metric: str) -> Iterable[str]:
    """Yield nothing for a model without explanations, or without held-out rows.

    Raises:
        ValueError: the report is not what packaging writes.
    """
    try:
        section = report.get("explanations") or {}
        importances = [
            (
                _short(each["feature"]),
                float(each["drop"]),
                ConfidenceInterval(each["low"], each["high"]),
            )
            for each in section.get("importances", ())
        ]
        drawn = [_dependence(each) for each in section.get("dependence", ())]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"explanations cannot be read: {error!r}") from error
    if not importances:
        return
    yield "<h2>Features</h2>"
    yield (
        f"<p>How much {escape(metric)} drops on the held-out rows when the values of one feature "
        "change places. Features that repeat each other share what they have in common.</p>"
    )
    if len(importances) == 1:
        rows = [(name, f"{drop:.4f} ({interval})") for name, drop, interval in importances]
        yield table(("feature", f"drop of {metric} (95 %)"), rows, numbers=(1,))
    yield ranges(f"Drop of {metric} with 95 % confidence interval", importances)
    yield from drawn


def _dependence(document: Mapping[str, Any]) -> str:
    name, points = str(document["feature"]), document["points"]
    output = f"{document['output']}[{document['target']}]"
    title = f"Mean {output} where {name} has one value, with 95 % confidence interval"
    if points and isinstance(points[0][0], str):
        rows = [
            (_short(value), mean, ConfidenceInterval(low, high))
            for value, mean, low, high in points
        ]
        return ranges(title, rows)
    return curve(title, [tuple(map(float, point)) for point in points]) if points else ""


def _short(text: Any) -> str:
    words = str(text)
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."
