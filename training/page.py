"""Renders the page of a comparison: one HTML file, in the style of `lading report`."""

from collections.abc import Iterable, Sequence
from html import escape

from lading.model_packaging.measure.change import ConfidenceInterval
from lading.model_packaging.measure.metrics import METRICS
from lading.model_packaging.report.elements import document, table
from lading.model_packaging.report.matrix import matrix
from lading.model_packaging.report.plots import ranges
from lading.training.evaluation import ComparedMetric, Evaluation, Slice
from lading.training.quality import Bin, Calibration, Confusion

_SIDE = 320
_MARGIN = 44

_STYLE = """
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr));
  gap: 0.9rem; } .pair figure { margin: 0; }
svg.square { max-width: 26rem; } svg .path { stroke: var(--accent); fill: none; }
"""


def render_evaluation(evaluation: Evaluation) -> str:
    """Return the page of a comparison."""
    title = f"{evaluation.model}: version {evaluation.challenger} against {evaluation.champion}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(evaluation.data)}, {evaluation.compared[0].rows:,} rows</p>',
        _tiles(evaluation),
        f"<h2>Metrics</h2>{_metrics(evaluation.compared)}",
        *_plots(evaluation),
        *_slices(evaluation.slices),
        *_confusion(evaluation),
        *_calibration(evaluation),
    ]
    return document(title, parts, _STYLE)


def _tiles(evaluation: Evaluation) -> str:
    decision, first = evaluation.decision, evaluation.compared[0]
    tiles = [(decision.label or "no label", f"proposed: {decision.reason}")]
    if first.after is not None and first.before is not None:
        tiles.append((f"{first.after:.4f}", f"{first.metric} of version {evaluation.challenger}"))
        tiles.append((f"{first.before:.4f}", f"{first.metric} of version {evaluation.champion}"))
    drawn = (
        f'<div class="tile"><b>{escape(b)}</b><span>{escape(s)}</span></div>' for b, s in tiles
    )
    return f'<div class="tiles">{"".join(drawn)}</div>'


def _metrics(compared: Iterable[ComparedMetric]) -> str:
    headings = ("metric", "champion (95 %)", "challenger (95 %)", "drop (95 %)")
    return table(headings, map(_row, compared), numbers=range(1, 4))


def _row(each: ComparedMetric) -> list[str]:
    better = "" if METRICS[each.metric].ascending else ", lower is better"
    spans = each.intervals
    return [
        f"{each.metric}{better}",
        _figure(each.before, spans.before if spans else None),
        _figure(each.after, spans.after if spans else None),
        _figure(each.drop, spans.drop if spans else None),
    ]


def _figure(value: float | None, interval: ConfidenceInterval | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.4f} ({interval})" if interval else f"{value:.4f} (too few rows)"


def _plots(evaluation: Evaluation) -> Iterable[str]:
    for each in evaluation.compared:
        spans = each.intervals
        if spans and each.before is not None and each.after is not None:
            champion = (f"version {evaluation.champion}", each.before, spans.before)
            challenger = (f"version {evaluation.challenger}", each.after, spans.after)
            yield ranges(f"{each.metric}, with 95 % confidence interval", [champion, challenger])


def _slices(slices: Sequence[Slice]) -> Iterable[str]:
    for column in dict.fromkeys(each.column for each in slices):
        yield f"<h2>By {escape(column)}</h2>"
        rows = [
            [each.value, f"{each.rows:,}", *_row(compared)]
            for each in slices
            if each.column == column
            for compared in each.compared
        ]
        headings = (column, "rows", "metric", "champion (95 %)", "challenger (95 %)", "drop (95 %)")
        yield table(headings, rows, numbers=(1, 3, 4, 5))
        yield from _slice_plot(column, slices)


def _slice_plot(column: str, slices: Sequence[Slice]) -> Iterable[str]:
    """Draw the drop of the first metric in each slice."""
    drawn = [
        (each.value[:18], first.drop, first.intervals.drop)
        for each in slices
        if each.column == column
        for first in each.compared[:1]
        if first.intervals is not None and first.drop is not None
    ]
    if drawn:
        metric = slices[0].compared[0].metric
        yield ranges(f"Drop of {metric} by {column}, with 95 % confidence interval", drawn)


def _confusion(evaluation: Evaluation) -> Iterable[str]:
    if evaluation.confusion is None:
        return
    yield "<h2>Confusion matrix</h2><p>Rows of the true class, by the class that was answered.</p>"
    both = zip((evaluation.champion, evaluation.challenger), evaluation.confusion, strict=True)
    yield f'<div class="pair">{"".join(_matrix(number, each) for number, each in both)}</div>'


def _matrix(number: int, confusion: Confusion) -> str:
    drawn = matrix(f"Confusion matrix of version {number}", confusion.classes, confusion.counts)
    return f"<figure><figcaption>version {number}</figcaption>{drawn}</figure>"


def _calibration(evaluation: Evaluation) -> Iterable[str]:
    if evaluation.calibration is None:
        return
    yield (
        "<h2>Calibration</h2><p>How often the most probable class is right, by its probability. "
        "On the dashed line, a model is as often right as it says.</p>"
    )
    both = zip((evaluation.champion, evaluation.challenger), evaluation.calibration, strict=True)
    yield f'<div class="pair">{"".join(_curve(number, each) for number, each in both)}</div>'


def _curve(number: int, calibration: Calibration) -> str:
    size, largest = _SIDE - _MARGIN, max(each.rows for each in calibration.bins)

    def at(x: float, y: float) -> tuple[float, float]:
        return _MARGIN + x * size, size * (1 - y) + 8

    points = [at(each.probability, each.right) for each in calibration.bins]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        _dot(*point, 3 + 6 * (each.rows / largest) ** 0.5, each)
        for point, each in zip(points, calibration.bins, strict=True)
    )
    name = f"version {number}: expected calibration error {calibration.error:.4f}"
    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    return (
        f'<figure><figcaption>{name}</figcaption><svg class="square" role="img" '
        f'aria-label="{name}" viewBox="0 0 {_SIDE + 12} {_SIDE - 4}">'
        f'<line class="zero" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>'
        f'<line class="axis" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y0}"/>'
        f'<line class="axis" x1="{x0}" y1="{y0}" x2="{x0}" y2="{y1}"/>'
        f'<polyline class="path" points="{path}"/>{dots}{_ticks(at(0, 0), at(1, 1))}</svg></figure>'
    )


def _dot(x: float, y: float, radius: float, each: Bin) -> str:
    told = f"{each.rows:,} rows: {each.probability:.3f} said, {each.right:.3f} right"
    at = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"'
    return f'<circle class="dot" {at}><title>{told}</title></circle>'


def _ticks(low: tuple[float, float], high: tuple[float, float]) -> str:
    drawn = []
    for share in (0.0, 0.5, 1.0):
        x = low[0] + share * (high[0] - low[0])
        y = low[1] + share * (high[1] - low[1])
        places = ((x, low[1] + 16, "middle"), (low[0] - 8, y + 4, "end"))
        drawn += [
            f'<text class="tick" x="{a:.1f}" y="{b:.1f}" text-anchor="{end}">{share:g}</text>'
            for a, b, end in places
        ]
    return "".join(drawn)
