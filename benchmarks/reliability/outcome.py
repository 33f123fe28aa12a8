"""The arguments of a part of the proof, and what the part reports."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


class Plan(NamedTuple):
    """How often each part tries.

    Args:
        rollouts: new servers that take the place of old ones.
        reloads: of a model under load.
        unloads: of a model under load.
        minutes: of the soak, and at most those of the roll-outs.
        fuzz_seconds: of each reader that is fuzzed.
        say: shows progress on the terminal.
    """

    rollouts: int = 1000
    reloads: int = 1000
    unloads: int = 100
    minutes: float = 60
    fuzz_seconds: int = 60
    say: Callable[[str], None] = print


class Figure(NamedTuple):
    """Something measured.

    Args:
        text: what it is, with its value and its limit.
        met: whether it keeps the limit; None where there is none.
    """

    text: str
    met: bool | None = None


class Outcome(NamedTuple):
    """A row of the table.

    Args:
        tried: what was tried.
        often: how often.
        requests: requests of callers meanwhile.
        lost: requests without an answer that they should have had.
        wrong: answers that were not right.
        figures: what was measured.
        reasons: why requests were lost, or what was wrong: at most a few.
    """

    tried: str
    often: int
    requests: int = 0
    lost: int = 0
    wrong: int = 0
    figures: Sequence[Figure] = ()
    reasons: Sequence[str] = ()

    def good(self) -> bool:
        """Return whether nothing was lost or wrong, and every limit was kept."""
        return not (self.lost or self.wrong or any(each.met is False for each in self.figures))


Part = Callable[[Plan], Iterator[Outcome]]
"""Yields its rows."""


def table(rows: Sequence[tuple[str, Outcome]]) -> str:
    """Return rows, each with the name of its part, as a table in Markdown."""
    lines = [
        "| part | tried | how often | requests | lost | wrong | figures |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for name, row in rows:
        marks = {True: "", False: " **(missed)**", None: ""}
        figures = "; ".join(f"{each.text}{marks[each.met]}" for each in row.figures)
        cells = (name, row.tried, row.often, row.requests, row.lost, row.wrong, figures)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
