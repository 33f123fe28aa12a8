"""`lading batch`."""

from pathlib import Path

import pytest

from lading.batch.progress import Progress
from lading.cli.batch_progress import duration, told
from lading.cli.errors import EXIT
from tests.cli.conftest import Lading
from tests.support.batches import lines, write_lines


def test_a_batch_writes_answers_errors_and_what_it_did(packaged: Lading, workspace: Path) -> None:
    write_lines(workspace / "rows.jsonl", [[1, 2], ["no", 1], [3, 4]])
    said = packaged("batch", "double", "-i", "rows.jsonl", "-o", "out.jsonl", "--workers", "1")
    assert said.code == 0, said.err
    assert "double version 1: 2 of 3 rows answered" in said.out
    assert "out.jsonl.errors.jsonl says why" in said.out
    assert lines(workspace / "out.jsonl") == [{"row": 0, "y": [2, 4]}, {"row": 2, "y": [6, 8]}]
    again = packaged("batch", "double", "-i", "rows.jsonl", "-o", "out.jsonl", "--json")
    assert again.code == EXIT.usage
    assert again.document["error"]["kind"] == "OutputUnusable"
    words = ("-i", "rows.jsonl", "-o", "out.jsonl", "--overwrite", "--strict")
    strict = packaged("batch", "run", "double", *words)
    assert strict.code == EXIT.request
    assert "row 1 has no answer" in strict.err


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("-i", "gone.csv", "-o", "out.csv"), EXIT.source, "no such file"),
        (("-i", "rows.jsonl", "-o", "out.xlsx"), EXIT.usage, "unsupported format"),
        (("-i", "rows.jsonl", "-o", "o.csv", "--version", "7"), EXIT.not_found, "version 7"),
        (("-i", "rows.jsonl"), EXIT.usage, "--output"),
    ],
    ids=["no-input", "no-format", "no-version", "no-output"],
)
def test_a_batch_that_cannot_be_done_is_one_line(
    packaged: Lading, workspace: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    write_lines(workspace / "rows.jsonl", [[1, 2]])
    said = packaged("batch", "double", *words)
    assert (said.code, said.out) == (code, "")
    assert reason in said.err


def test_a_progress_says_rows_pace_and_time_left() -> None:
    found = Progress(12_345, 6, 0.5, 1234.5, 3723.4)
    assert told(found) == "12,345 rows, 6 failed, 1,234 rows/s, 1:02:03 left"
    assert duration(59.6) == "1:00"
