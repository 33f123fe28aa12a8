"""A confusion matrix as a table: a line for each true class, a column for each answered class."""

from collections.abc import Iterator, Sequence
from html import escape

_MUCH = 0.1
"""The share of a class's rows from which a mistake is marked as frequent."""


def matrix(title: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Return the table; right answers and frequent mistakes have a color of their own.

    Args:
        title: for screen readers.
        names: of the classes.
        counts: rows by true class, and in it by answered class.
    """
    head = "".join(_heading("col", name) for name in names)
    lines = "".join(
        f"<tr>{_heading('row', name)}{''.join(_cells(at, line))}</tr>"
        for at, (name, line) in enumerate(zip(names, counts, strict=True))
    )
    label = escape(title, quote=True)
    return (
        f'<div class="table matrix" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _heading(scope: str, name: str) -> str:
    text = escape(name, quote=True)
    return f'<th scope="{scope}" title="{text}">{text}</th>'


def _cells(own: int, line: Sequence[int]) -> Iterator[str]:
    rows = sum(line)
    for at, count in enumerate(line):
        kind = "right" if at == own and count else "wrong" if count else "none"
        if kind == "wrong" and count >= _MUCH * rows:
            kind = "much"
        yield f'<td class="number {kind}">{count:,}</td>'
