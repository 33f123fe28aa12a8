"""Rows of CSV, whatever their cells hold."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from lading.functions.inference.batches.comma import rows_of

CELL = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=6))
def test_each_record_is_one_row(records: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(records)
    rows = list(rows_of(text.getvalue().encode()))
    assert [next(csv.reader(io.StringIO(row.decode(), newline=""))) for row in rows] == records


def test_blank_lines_are_no_rows_and_a_quote_that_is_not_closed_takes_the_rest() -> None:
    assert [*rows_of(b'a,b\r\n\r\n \n1,"2\n3,4\n')] == [b"a,b", b'1,"2\n3,4']
