"""The section about classes: the figures of each one, and which ones are confused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lading.model_packaging.report.elements import table, undamaged
from lading.model_packaging.report.matrix import matrix

MOST_ROWS = 20
"""Classes that are shown at once; the others are behind a click."""
MOST_CONFUSED = 10
MOST_OF_MATRIX = 25
"""Classes of a matrix that a screen shows."""

_HEADINGS = ("class", "rows", "precision", "recall", "F1", "F1 of the original")
_NUMBERS = range(1, 6)
_Document = Mapping[str, Any]


def classes(report: _Document) -> Iterable[str]:
    """Yield the section; nothing for a model whose gate measured no classes.

    Raises:
        ValueError: the report is not what packaging writes.
    """
    found = report.get("by_class")
    if not found:
        return
    with undamaged():
        rows, left_out = worst_first(found), int(found["left_out"])
        parts = [*_figures([*map(cells, rows)]), *_confusion(found), *_confused(found)]
    yield "<h2>Class by class</h2>"
    yield "<p>On the held-out rows of the accuracy gate, the lowest F1 first.</p>"
    yield from parts
    if left_out:
        yield f'<p class="soft">{left_out:,} classes with fewer rows are left out.</p>'


def worst_first(document: _Document) -> list[_Document]:
    """Return the classes of a section `by_class` by their F1, the lowest first."""
    return sorted(document["classes"], key=lambda each: float(each["f1"]))


def cells(each: _Document) -> list[str]:
    """Return a row: name, rows, precision, recall, F1, and the original's F1."""
    shares = ("precision", "recall", "f1", "f1_original")
    return [str(each["name"]), f"{int(each['rows']):,}", *(_share(each[key]) for key in shares)]


def _share(value: Any) -> str:
    return "" if value is None else f"{float(value):.3f}"


def _figures(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    columns = len(_HEADINGS) - all(row[-1] == row[-2] for row in rows)  # optimizing changed no F1
    shown = [row[:columns] for row in rows]
    yield table(_HEADINGS[:columns], shown[:MOST_ROWS], numbers=_NUMBERS)
    if len(rows) > MOST_ROWS:
        count = len(rows) - MOST_ROWS
        others = table(_HEADINGS[:columns], shown[MOST_ROWS:], numbers=_NUMBERS)
        yield f"<details><summary>{count:,} more classes</summary>{others}</details>"


def _confusion(found: _Document) -> Iterator[str]:
    """Yield the matrix, if a screen shows it."""
    counts = found.get("confusion")
    if counts and len(counts) <= MOST_OF_MATRIX:
        names = [str(each["name"]) for each in found["classes"]]
        yield "<h3>Confusion matrix</h3>"
        yield '<p class="soft">A line is a true class, a column is what was answered.</p>'
        yield matrix("Confusion matrix", names, [[*map(int, line)] for line in counts])


def _confused(found: _Document) -> Iterator[str]:
    rows = [
        [str(each["truth"]), str(each["answer"]), f"{int(each['rows']):,}"]
        for each in found.get("confused", ())[:MOST_CONFUSED]
    ]
    if rows:
        yield "<h3>Most frequent mistakes</h3>"
        yield table(("true class", "answered", "rows"), rows, numbers=(2,))
