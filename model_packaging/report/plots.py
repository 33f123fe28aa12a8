"""Plots as inline SVG, as wide as the page; the page's style colors them for light and dark mode.

Places across are percentages and there is no `viewBox`, so letters keep their size on a phone. The
label of a row is above its bar. One bar is no plot: a figure with nothing beside it is in a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lading.model_packaging.measure.change import AccuracyChange, ConfidenceInterval

LONGEST_LABEL = 34
"""Letters of a label that a phone shows beside a number."""
_FEWEST_ROWS = 2
_ROW, _TEXT, _BAR = 42, 13, 12
_TOP = 20
"""From the top of a row to its bar."""
_CURVE = 120


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its length, the text after it, and the position of its mark."""

    label: str
    value: float
    words: str
    mark: float | None = None


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Draw horizontal bars from zero; a mark is a thin line, such as the 95th percentile."""
    if len(rows) < _FEWEST_ROWS:
        return ""
    longest = max((max(row.value, row.mark or 0) for row in rows), default=0) or 1
    drawn = []
    for number, row in enumerate(rows):
        top = number * _ROW
        drawn += [_label(row.label, top), _words(row.words, top)]
        drawn.append(_bar("bar", 0, max(0.3, 100 * row.value / longest), top + _TOP, _BAR))
        if row.mark is not None:
            at = 100 * row.mark / longest
            drawn.append(_line("mark", at, top + _TOP - 2, at, top + _TOP + _BAR + 2))
    return _svg(title, len(rows) * _ROW, drawn)


def ranges(title: str, rows: Sequence[tuple[str, float, ConfidenceInterval]]) -> str:
    """Draw each figure as a dot and its interval as a line, on one scale."""
    if len(rows) < _FEWEST_ROWS:
        return ""
    low = min(each.low for _, _, each in rows)
    high = max(each.high for _, _, each in rows)
    margin = (high - low) * 0.08 or abs(high) * 0.01 or 1.0
    scale = _Scale(low - margin, high + margin)
    drawn = []
    for number, (label, value, interval) in enumerate(rows):
        top = number * _ROW
        drawn += [_label(label, top), _words(f"{value:.4f}", top)]
        drawn += _dot(scale, value, interval, top + _TOP + _BAR / 2)
    return _svg(title, len(rows) * _ROW + 22, [*drawn, *_axis(scale, len(rows) * _ROW)])


def curve(title: str, points: Sequence[tuple[float, ...]]) -> str:
    """Draw values of a function with their intervals: each point is x, value, low and high."""
    if len(points) < _FEWEST_ROWS:
        return ""
    across = _Scale(*_ends([point[0] for point in points]))
    lowest, highest = _ends([end for point in points for end in point[1:]])

    def at(x: float, y: float) -> str:
        return f"{across.at(x):.2f},{100 * (highest - y) / (highest - lowest):.2f}"

    band = [at(x, high) for x, _, _, high in points]
    band += [at(x, low) for x, _, low, _ in reversed(points)]
    line = " ".join(at(x, value) for x, value, _, _ in points)
    stretched = (
        f'<svg y="{_TOP}" height="{_CURVE}" viewBox="0 0 100 100" preserveAspectRatio="none">'
        f'<polygon class="band" points="{" ".join(band)}"/>'
        f'<polyline class="curve" points="{line}"/></svg>'
    )
    drawn = [_label(f"from {lowest:.4g} to {highest:.4g}", 0), stretched]
    return _svg(title, _TOP + _CURVE + 22, [*drawn, *_axis(across, _TOP + _CURVE)])


def gate(change: AccuracyChange) -> str:
    """Draw the drop with its interval, and the limit."""
    interval = change.intervals.drop
    ends = (0.0, change.max_drop, interval.low, interval.high)
    margin = (max(ends) - min(ends)) * 0.08 or 0.01
    scale = _Scale(min(ends) - margin, max(ends) + margin)
    allowed, bottom = scale.at(change.max_drop), _TOP + 28
    drawn = [
        _label("drop", 0),
        _words(f"{change.drop:.4f}", 0),
        _bar("allowed", 0, allowed, _TOP, 28),
        _line("limit", allowed, _TOP, allowed, bottom),
        _line("zero", scale.at(0), _TOP, scale.at(0), bottom),
        *_dot(scale, change.drop, interval, _TOP + 14),
        *_axis(scale, bottom),
    ]
    title = (
        f"Drop of {change.metric} with 95 % confidence interval; the limit is {change.max_drop:g}"
    )
    return _svg(title, bottom + 24, drawn)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def at(self, value: float) -> float:
        """Return the place of a value, in percent of the width."""
        return 100 * (value - self.low) / (self.high - self.low)


def _dot(scale: _Scale, value: float, interval: ConfidenceInterval, middle: float) -> list[str]:
    low, high = scale.at(interval.low), scale.at(interval.high)
    return [
        _line("interval", low, middle, high, middle),
        _line("interval", low, middle - 5, low, middle + 5),
        _line("interval", high, middle - 5, high, middle + 5),
        f'<circle class="dot" cx="{scale.at(value):.2f}%" cy="{middle}" r="5"/>',
    ]


def _axis(scale: _Scale, top: float) -> list[str]:
    drawn = [_line("axis", 0, top, 100, top)]
    for share in (0.0, 0.5, 1.0):
        value = scale.low + share * (scale.high - scale.low)
        anchor = ("start", "middle", "end")[round(2 * share)]
        drawn.append(
            f'<text class="tick" x="{100 * share:g}%" y="{top + 16}"'
            f' text-anchor="{anchor}">{value:.4g}</text>'
        )
    return drawn


def _label(text: str, top: float) -> str:
    short = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 3]}..."
    return f'<text x="0" y="{top + _TEXT}">{escape(short)}</text>'


def _words(text: str, top: float) -> str:
    at = f'x="100%" y="{top + _TEXT}"'
    return f'<text class="figure" {at} text-anchor="end">{escape(text)}</text>'


def _bar(kind: str, start: float, length: float, top: float, height: float) -> str:
    return (
        f'<rect class="{kind}" x="{start:.2f}%" y="{top}" width="{length:.2f}%"'
        f' height="{height}" rx="3"/>'
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.2f}%" y1="{y1}" x2="{x2:.2f}%" y2="{y2}"/>'


def _svg(title: str, height: int, drawn: Sequence[str]) -> str:
    name = escape(title, quote=True)
    return (
        f'<figure><figcaption>{name}</figcaption><svg height="{height}" role="img"'
        f' aria-label="{name}">{"".join(drawn)}</svg></figure>'
    )
