"""One row of the table: a target, what was measured, and whether it was met."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

MET, MISSED, ABSENT, FAILED, FIGURE = "met", "MISSED", "not there", "FAILED", ""


class Row(NamedTuple):
    """One row.

    Args:
        target: its number in the list of targets, with what it is about.
        wanted: the target in words; empty for a figure without one.
        figure: what was measured.
        ratio: ours against the other's, or empty.
        verdict: `MET`, `MISSED`, `ABSENT` or `FAILED` (with the reason in `note`), or
            `FIGURE`.
        note: what explains it: other servers, a profile.
    """

    target: str
    wanted: str
    figure: str
    ratio: str = ""
    verdict: str = FIGURE
    note: str = ""


def at_least(target: str, figure: str, ratio: float, limit: float, note: str = "") -> Row:
    """Return the row of a ratio that must not be lower than `limit`."""
    verdict = MET if ratio >= limit else MISSED
    return Row(target, f"at least {limit:g}x", figure, f"{ratio:.2f}x", verdict, note)


def at_most(target: str, figure: str, ratio: float, limit: float, note: str = "") -> Row:
    """Return the row of a ratio that must not be higher than `limit`."""
    verdict = MET if ratio <= limit else MISSED
    return Row(target, f"at most {limit:g}x", figure, f"{ratio:.2f}x", verdict, note)


def bounded(target: str, wanted: str, figure: str, *, met: bool, note: str = "") -> Row:
    """Return the row of a figure that is not a ratio."""
    return Row(target, wanted, figure, "", MET if met else MISSED, note)


def explained(row: Row, why: Callable[[], str] | None) -> Row:
    """Return a row; if it misses its target, its note says where the time or the memory goes.

    `why` is None in a quick run, whose figures mean nothing: to profile a server takes longer.
    """
    if row.verdict != MISSED or why is None:
        return row
    return row._replace(note="; ".join(filter(None, (row.note, f"where it goes: {why()}"))))


def absent(target: str, reason: str) -> Row:
    """Return the row of what cannot be measured here, or is not built yet."""
    return Row(target, "", "", "", ABSENT, reason)


HEADINGS = ("target", "wanted", "figure", "ratio", "", "note")


def markdown(rows: Iterable[Row]) -> str:
    """Return the rows as a table of Markdown."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def text(row: Row) -> str:
    """Return one row for a terminal."""
    head = f"{row.target:44} {row.figure:60} {row.ratio:>7} {row.wanted:18} {row.verdict}"
    return head.rstrip() + (f"\n    {row.note}" if row.note else "")
