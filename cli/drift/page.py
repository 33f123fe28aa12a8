"""Renders the page of a window: one HTML file, in the style of `lading report`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from lading.cli.drift.edges import Bins
from lading.functions.drift.verdict import FEWEST_ROWS, Judged
from lading.functions.drift.windows import Counted, Window
from lading.model_packaging.report.elements import document, table

MOST_PLOTS = 24
"""The features that are drawn: those with the largest PSI."""

_WIDTH, _HEIGHT, _BELOW = 320, 120, 18
_STYLE = """
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr));
  gap: 0.9rem; } .grid figure { margin: 0; }
svg .before { fill: var(--soft); opacity: 0.55; } .drifts figcaption { color: var(--limit); }
.key span::before { content: "■ "; color: var(--accent); }
.key .old::before { color: var(--soft); }
"""


def render_drift(window: Window, verdict: Sequence[Judged], bins: Bins) -> str:
    """Return the page of a window."""
    title = f"{window.model}, version {window.version}: drift"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{_moment(window.since)} to {_moment(window.until)}</p>',
        _tiles(window, verdict),
        *_plots(window, verdict, bins),
        *_table(verdict),
    ]
    return document(title, parts, _STYLE)


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _tiles(window: Window, verdict: Sequence[Judged]) -> str:
    drifting = [each for each in verdict if each.drifts]
    result = f"{len(drifting)} of {len(verdict)}" if verdict else "not judged"
    why = "features drift" if verdict else f"fewer than {FEWEST_ROWS} rows"
    tiles = [
        (result, why),
        (f"{window.requests:,}", "requests"),
        (f"{window.counted:,}", "of them counted"),
        (f"{window.rows:,}", "rows of the baseline"),
    ]
    drawn = (f'<div class="tile"><b>{b}</b><span>{s}</span></div>' for b, s in tiles)
    return f'<div class="tiles">{"".join(drawn)}</div>'


def _plots(window: Window, verdict: Sequence[Judged], bins: Bins) -> Iterator[str]:
    if not verdict:
        return
    yield "<h2>Distributions</h2>"
    yield '<p class="key"><span class="old">baseline</span> &nbsp; <span>this window</span></p>'
    if len(verdict) > MOST_PLOTS:
        yield f"<p>The {MOST_PLOTS} features with the largest PSI; the table has all.</p>"
    features = {(each.side, each.name): each for each in window.features}
    drawn = (_plot(each, features[each.side, each.name], bins) for each in verdict[:MOST_PLOTS])
    yield f'<div class="grid">{"".join(drawn)}</div>'


def _plot(judged: Judged, feature: Counted, bins: Bins) -> str:
    """Draw the shares of each bin, those of the baseline beside those of the window."""
    labels = bins.labels((judged.side, judged.name), len(feature.counts))
    slots = [
        (label, before / sum(feature.expected), after / judged.rows)
        for label, before, after in zip(labels, feature.expected, feature.counts, strict=True)
        if before or after
    ]
    highest, step = max(max(before, after) for _, before, after in slots), _WIDTH / len(slots)
    bars = "".join(
        _bar("before", place * step, step, before, highest, label)
        + _bar("bar", (place + 0.45) * step, step, after, highest, label)
        for place, (label, before, after) in enumerate(slots)
    )
    name = escape(f"{judged.name} ({judged.side}): PSI {judged.psi:.3f}")
    kind = ' class="drifts"' if judged.drifts else ""
    ends = _ends(slots[0][0], slots[-1][0])
    return (
        f"<figure{kind}><figcaption>{name}{', drifts' if judged.drifts else ''}</figcaption>"
        f'<svg role="img" aria-label="{name}" viewBox="0 0 {_WIDTH} {_HEIGHT + _BELOW}">'
        f'<line class="axis" x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}"/>'
        f"{bars}{ends}</svg></figure>"
    )


def _bar(kind: str, left: float, step: float, share: float, highest: float, label: str) -> str:
    height = _HEIGHT * share / highest
    told = escape(f"{label}: {share:.1%}")
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{_HEIGHT - height:.1f}" width="{0.4 * step:.1f}" '
        f'height="{height:.1f}"><title>{told}</title></rect>'
    )


def _ends(first: str, last: str) -> str:
    y = _HEIGHT + _BELOW - 4
    return (
        f'<text class="tick" x="0" y="{y}">{escape(first)}</text>'
        f'<text class="tick" x="{_WIDTH}" y="{y}" text-anchor="end">{escape(last)}</text>'
    )


def _table(verdict: Sequence[Judged]) -> Iterable[str]:
    if not verdict:
        return
    headings = ("feature", "side", "PSI", "KS", "chi-squared", "p", "missing", "outside", "")
    rows = (
        [
            *(each.name, each.side, f"{each.psi:.4f}"),
            *("" if each.ks is None else f"{each.ks:.4f}", f"{each.chi_squared:.1f}"),
            *(f"{each.p:.2g}", f"{each.missing:.2%}", f"{each.outside:.2%}"),
            "drifts" if each.drifts else "",
        ]
        for each in verdict
    )
    yield "<h2>All features</h2>"
    yield table(headings, rows, numbers=range(2, 8))
    yield (
        "<p>Missing is the share of missing values; outside that of numbers beyond the baseline's "
        "range, or of values that it does not have. A feature drifts if its PSI is large and its p "
        "is small.</p>"
    )
