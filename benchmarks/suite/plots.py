"""The table's rates as a plot: SVG, drawn as the pages of `lading report` draw theirs."""

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.suite.rows import Row
from lading.model_packaging.report.plots import Bar, bars

_RATE = re.compile(r"([A-Za-z0-9][\w .-]*?)? ?([\d,]+)/s")
STYLE = (
    "svg{font:13px sans-serif;background:#fff}.bar{fill:#3b7dd8}.figure{fill:#555}text{fill:#222}"
)


def write_plot(path: Path, rows: Sequence[Row], title: str) -> None:
    """Draw a bar for each rate of the rows: ours, and those that the notes compare it with."""
    found = [Bar(label[:22], rate, f"{rate:,.0f}/s") for label, rate in _rates(rows)]
    if not found:
        return
    page = bars(title, found)
    start = page.index("<svg")
    drawing = page[start : page.index("</svg>") + len("</svg>")]
    opened = drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = opened.partition(">")
    path.write_text(f"{head}><style>{STYLE}</style>{rest}\n", encoding="utf-8")


def _rates(rows: Sequence[Row]) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for row in rows:
        label = row.target.partition(" ")[2]
        for text in (row.figure, *row.note.split("; ")):
            match = _RATE.match(text)
            if match is not None:
                name = match[1] or label
                found.append((name, float(match[2].replace(",", ""))))
    return found
