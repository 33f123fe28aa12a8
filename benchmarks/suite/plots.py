"""The table's rates as a plot: SVG, drawn as the pages of `lading report` draw theirs."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.suite.rows import Row
from lading.model_packaging.report.plots import Bar, bars

_RATE = re.compile(r"(?:([A-Za-z][\w ,.-]*?) )?([\d,]+)/s")
WIDTH = 640
STYLE = (
    "svg{font:13px sans-serif;background:#fff}.bar{fill:#3b7dd8}.figure{fill:#555}text{fill:#222}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117}.figure{fill:#aaa}text{fill:#ddd}}"
)


def write_plot(path: Path, rows: Sequence[Row], title: str) -> None:
    """Draw a bar for each server of these rows, at each number of callers.

    Args:
        path: the file to write; none is written without two rates to compare.
        rows: their targets end with the number of callers and the server, as in `small, 1, ours`;
            of two rows with the same servers and callers, one gives all bars.
        title: of the plot.
    """
    found = {label: rate for row in rows for label, rate in _rates(row)}
    page = bars(title, [Bar(label, rate, f"{rate:,.0f}/s") for label, rate in found.items()])
    if not page:
        return
    start = page.index("<svg")
    drawing = page[start : page.index("</svg>") + len("</svg>")]
    size = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
    opened = drawing.replace("<svg ", size, 1)
    head, _, rest = opened.partition(">")
    path.write_text(f"{head}><style>{STYLE}</style>{rest}\n", encoding="utf-8")


def _rates(row: Row) -> Iterator[tuple[str, float]]:
    """Yield the rates of a row: ours, and those that the note compares it with."""
    if not row.ratio:
        return
    _, callers, own = row.target.split(", ")
    for text in (row.figure, *row.note.split("; ")):
        if match := _RATE.match(text):
            yield f"{callers}: {match[1] or own}", float(match[2].replace(",", ""))
