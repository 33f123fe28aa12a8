"""Rows are judged by their limits, and become a table."""

from benchmarks.suite.rows import Row, absent, at_least, at_most, bounded, explained, markdown, text


def test_a_ratio_is_judged_by_its_limit() -> None:
    assert at_least("a", "", 1.2, 1.2).verdict == at_most("a", "", 1.2, 1.2).verdict == "met"
    assert at_least("a", "", 1.19, 1.2).verdict == at_most("a", "", 1.21, 1.2).verdict == "MISSED"
    assert bounded("a", "few", "2", met=False).verdict == "MISSED"
    assert absent("a", "why").note == "why"


def test_rows_become_a_table_of_markdown() -> None:
    lines = markdown([Row("1 a|b", "at least 2x", "3/s", "3.00x", "met", "one\ntwo")]).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == 7
    assert lines[2] == "| 1 a\\|b | at least 2x | 3/s | 3.00x | met | one two |"


def test_a_row_for_a_terminal_has_its_note_below() -> None:
    assert text(absent("8 processes", "not yet")).splitlines()[-1].strip() == "not yet"


def test_only_a_missed_row_is_explained() -> None:
    missed = bounded("a", "few", "2", met=False, note="one")
    assert explained(missed, lambda: "f 90%").note == "one; where it goes: f 90%"
    met = bounded("a", "few", "2", met=True, note="one")
    assert explained(met, lambda: "f 90%") == met
