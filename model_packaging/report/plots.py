"""Plots as inline SVG; the page's style colors them for light and dark mode."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lading.model_packaging.measure.change import AccuracyChange, Interval

WIDTH = 640
_LABELS = 130
_VALUES = 110
_ROW = 34
_BAR = 16
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
    longest = max((max(row.value, row.mark or 0) for row in rows), default=0) or 1
    room = WIDTH - _LABELS - _VALUES
    drawn = []
    for number, row in enumerate(rows):
        top, length = number * _ROW + 6, max(1.0, room * row.value / longest)
        drawn += [_label(row.label, top), _words(row.words, top)]
        drawn.append(
            f'<rect class="bar" x="{_LABELS}" y="{top}" width="{length:.1f}" height="{_BAR}"'
            ' rx="3"/>'
        )
        if row.mark is not None:
            at = _LABELS + room * row.mark / longest
            drawn.append(_line("mark", at, top - 2, at, top + _BAR + 2))
    return _svg(title, len(rows) * _ROW, drawn)


def ranges(title: str, rows: Sequence[tuple[str, float, Interval]]) -> str:
    """Draw each figure as a dot and its interval as a line, on one scale."""
    low = min(each.low for _, _, each in rows)
    high = max(each.high for _, _, each in rows)
    margin = (high - low) * 0.08 or abs(high) * 0.01 or 1.0
    scale = _Scale(low - margin, high + margin)
    drawn = []
    for number, (label, value, interval) in enumerate(rows):
        top = number * _ROW + 6
        drawn += [_label(label, top), _words(f"{value:.4f}", top)]
        drawn += _dot(scale, value, interval, top + _BAR / 2)
    return _svg(title, len(rows) * _ROW + 22, [*drawn, *_axis(scale, len(rows) * _ROW)])


def curve(title: str, points: Sequence[tuple[float, ...]]) -> str:
    """Draw values of a function with their intervals: each point is x, value, low and high."""
    across = _Scale(*_ends([point[0] for point in points]))
    lowest, highest = _ends([end for point in points for end in point[1:]])

    def at(x: float, y: float) -> str:
        return f"{across.at(x):.1f},{_CURVE * (highest - y) / (highest - lowest):.1f}"

    band = [at(x, high) for x, _, _, high in points]
    band += [at(x, low) for x, _, low, _ in reversed(points)]
    line = " ".join(at(x, value) for x, value, _, _ in points)
    drawn = [
        f'<polygon class="band" points="{" ".join(band)}"/>',
        f'<polyline class="curve" points="{line}"/>',
        _label(f"{highest:.4g}", 0),
        _label(f"{lowest:.4g}", _CURVE - _BAR),
        *_axis(across, _CURVE),
    ]
    return _svg(title, _CURVE + 22, drawn)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def gate(change: AccuracyChange) -> str:
    """Draw the drop with its interval, and the limit."""
    interval = change.intervals.drop
    ends = (0.0, change.max_drop, interval.low, interval.high)
    margin = (max(ends) - min(ends)) * 0.08 or 0.01
    scale = _Scale(min(ends) - margin, max(ends) + margin)
    allowed = scale.at(change.max_drop)
    drawn = [
        f'<rect class="allowed" x="{_LABELS}" y="0" width="{allowed - _LABELS:.1f}" height="28"/>',
        _line("limit", allowed, 0, allowed, 28),
        _line("zero", scale.at(0), 0, scale.at(0), 28),
        _label("drop", 6),
        _words(f"{change.drop:.4f}", 6),
        *_dot(scale, change.drop, interval, 14),
        *_axis(scale, 28),
    ]
    return _svg(
        f"Drop of {change.metric} with 95 % confidence interval; the limit is {change.max_drop:g}",
        52,
        drawn,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def at(self, value: float) -> float:
        room = WIDTH - _LABELS - _VALUES
        return _LABELS + room * (value - self.low) / (self.high - self.low)


def _dot(scale: _Scale, value: float, interval: Interval, middle: float) -> list[str]:
    low, high = scale.at(interval.low), scale.at(interval.high)
    return [
        _line("interval", low, middle, high, middle),
        _line("interval", low, middle - 5, low, middle + 5),
        _line("interval", high, middle - 5, high, middle + 5),
        f'<circle class="dot" cx="{scale.at(value):.1f}" cy="{middle}" r="5"/>',
    ]


def _axis(scale: _Scale, top: float) -> list[str]:
    drawn = [_line("axis", _LABELS, top, WIDTH - _VALUES, top)]
    for share in (0.0, 0.5, 1.0):
        value = scale.low + share * (scale.high - scale.low)
        anchor = ("start", "middle", "end")[round(2 * share)]
        drawn.append(
            f'<text class="tick" x="{scale.at(value):.1f}" y="{top + 16}"'
            f' text-anchor="{anchor}">{value:.4g}</text>'
        )
    return drawn


def _label(text: str, top: float) -> str:
    return f'<text x="0" y="{top + _BAR - 3}">{escape(text)}</text>'


def _words(text: str, top: float) -> str:
    at = f'x="{WIDTH}" y="{top + _BAR - 3}"'
    return f'<text class="figure" {at} text-anchor="end">{escape(text)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}"/>'


def _svg(title: str, height: int, drawn: Sequence[str]) -> str:
    name = escape(title, quote=True)
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{name}">{"".join(drawn)}</svg></figure>'
    )
