"""The table says what was lost, and a row is good only if nothing was and all limits were kept."""

import pytest

from benchmarks.reliability.outcome import Figure, Outcome, table

GOOD = Outcome("something", 3, 100, figures=[Figure("2 of 4 ms", met=True), Figure("a fact")])


@pytest.mark.parametrize(
    ("row", "good"),
    [
        (GOOD, True),
        (GOOD._replace(lost=1), False),
        (GOOD._replace(wrong=1), False),
        (GOOD._replace(figures=[Figure("5 of 4 ms", met=False)]), False),
    ],
    ids=["good", "lost", "wrong", "missed"],
)
def test_a_row_is_good_if_nothing_was_lost_or_wrong_and_each_limit_kept(
    row: Outcome, good: bool
) -> None:
    assert row.good() is good


def test_the_table_has_a_line_for_each_row_and_marks_missed_limits() -> None:
    missed = GOOD._replace(figures=[Figure("5 of 4 ms", met=False)])
    lines = table([("a", GOOD), ("b", missed)]).splitlines()
    assert lines[2] == "| a | something | 3 | 100 | 0 | 0 | 2 of 4 ms; a fact |"
    assert lines[3].endswith("| 5 of 4 ms **(missed)** |")
