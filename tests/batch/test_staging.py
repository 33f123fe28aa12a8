"""An input on its way to the cloud, and the answers on their way back: nothing changes."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lading.batch.collecting import WrittenPart, collect, lost_rows, note_lost
from lading.batch.cost import FunctionPrice, cost, rows_of_a_part
from lading.batch.sources.registry import open_source
from lading.batch.sources.source import ChunkSize
from lading.batch.staging import CloudInput, in_place, kind_of, staged
from lading.batch.work import ChunkRecord, WorkFolder
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.batches import comma
from lading.functions.inference.batches.rows import CommaRows, JsonRows
from lading.functions.inference.models.predictor import ModelMetadata
from tests.batch.sources.test_registry import FORMATS, PAIRS, ROWS, TEXTS
from tests.support.batches import lines

ANSWERED = ModelMetadata("m", 1, "", (), (TensorSpec("y", "FP32", (-1, 2)),))


@pytest.mark.parametrize("write", FORMATS)
def test_staged_rows_are_those_of_the_input(tmp_path: Path, write: object) -> None:
    assert callable(write)
    objects = list(staged(open_source(write(tmp_path)), ChunkSize(rows=10), PAIRS))
    assert [it.name.partition(".")[0] for it in objects] == [
        "000000000000",
        "000000000010",
        "000000000020",
    ]
    assert sum(each.rows for each in objects) == len(ROWS)
    found = []
    for each in objects:
        content = each.content.split(b"\n")
        comma = each.name.endswith(".csv")
        rows = CommaRows(content[0], content[1:]) if comma else JsonRows(content)
        found += rows.inputs(PAIRS)["x"].tolist()
    assert found == ROWS.tolist()


def test_files_are_staged_under_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    (found,) = staged(open_source(tmp_path), ChunkSize(), PAIRS)
    assert found == ("a.txt", b"text", 1)


def test_a_row_of_several_lines_is_staged_as_one(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('text\n"two\nlines"\none\n')
    (found,) = staged(open_source(tmp_path / "rows.csv"), ChunkSize(), PAIRS)
    assert found.rows == 2
    assert [*comma.rows_of(found.content)] == [b"text", b'"two\nlines"', b"one"]


def test_bytes_that_are_no_text_are_staged_as_they_are(tmp_path: Path) -> None:
    """Images in a column of Parquet, and texts of npz."""
    content = [b"\x89PNG\x00", b"text"]
    parquet.write_table(pa.table({"text": content}), tmp_path / "rows.parquet")
    np.savez(tmp_path / "rows.npz", text=np.array([b"\xff", b"text"]))
    for name, first in (("rows.parquet", content[0]), ("rows.npz", b"\xff")):
        (found,) = staged(open_source(tmp_path / name), ChunkSize(), TEXTS)
        rows = JsonRows(found.content.split(b"\n")).inputs(TEXTS)
        assert rows["text"].tolist() == [first, b"text"]


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("s3://b/rows.jsonl", CloudInput("rows", "b", "rows.jsonl")),
        ("s3://b/x/rows.csv", None),
        ("s3://b/photos", CloudInput("files", "b", "photos/")),
        ("s3://b/rows.parquet", None),
        ("rows.jsonl", None),
    ],
)
def test_what_a_map_can_read_stays_where_it_is(address: str, wanted: CloudInput | None) -> None:
    assert in_place(address) == wanted


def test_items_are_what_the_input_is_wherever_it_is(tmp_path: Path) -> None:
    assert kind_of("s3://b/rows.jsonl") == "rows"
    assert kind_of("s3://b/photos/") == kind_of(str(tmp_path)) == "files"
    assert kind_of("s3://b/rows.csv") == kind_of("rows.jsonl") == "chunks"


def test_collected_answers_are_parts_of_an_output(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    (work.path / "parts").mkdir(parents=True)
    answers = b'{"row": 4, "y": [1.5, null]}\n{"row": 6, "y": [2, 3]}\n'
    errors = b'{"row": 5, "error": "InvalidInput", "reason": "no"}\n'
    record = collect(work, ".npz", ANSWERED, WrittenPart(0, answers, errors))
    assert record == ChunkRecord(0, 4, 3, 1, 0)
    with np.load(work.part(0)) as part:
        assert part["row"].tolist() == [4, 6]
        assert part["y"].tolist() == [[1.5, pytest.approx(float("nan"), nan_ok=True)], [2, 3]]
    assert lines(work.errors(0)) == [json.loads(errors)]


def test_rows_that_an_earlier_part_has_are_not_collected_again(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    (work.path / "parts").mkdir(parents=True)
    answers = b'{"row": 4, "y": [1, 2]}\n{"row": 6, "y": [2, 3]}\n'
    errors = b'{"row": 5, "error": "E", "reason": ""}\n{"row": 7, "error": "E", "reason": ""}\n'
    record = collect(work, ".jsonl", ANSWERED, WrittenPart(1, answers, errors, after=6))
    assert record == ChunkRecord(1, 6, 2, 1, 0)
    assert [row["row"] for row in lines(work.part(1))] == [6]
    assert [row["row"] for row in lines(work.errors(1))] == [7]
    assert collect(work, ".jsonl", ANSWERED, WrittenPart(2, answers, errors, after=8)) is None


def test_numbers_that_are_not_finite_are_those_of_a_batch_on_one_machine(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    (work.path / "parts").mkdir(parents=True)
    one = ANSWERED._replace(outputs=(TensorSpec("y", "FP32", (-1,)),))
    answers = b'{"row": 0, "y": NaN}\n{"row": 1, "y": -Infinity}\n{"row": 2, "y": 1.5}\n'
    for suffix, wanted in ((".npz", [np.nan, -np.inf, 1.5]), (".jsonl", [None, None, 1.5])):
        collect(work, suffix, one, WrittenPart(0, answers, b""))
        if suffix == ".npz":
            with np.load(work.part(0)) as part:
                np.testing.assert_array_equal(part["y"], wanted)
        else:
            assert [row["y"] for row in lines(work.part(0))] == wanted


def test_files_have_the_names_that_they_have_in_a_batch_on_one_machine(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    (work.path / "parts").mkdir(parents=True)
    answers = b'{"row": 0, "file": "in/photos/a.png", "y": [1, 2]}\n'
    errors = b'{"row": 1, "file": "in/photos/x/b.png", "error": "E", "reason": ""}\n'
    collect(work, ".jsonl", ANSWERED, WrittenPart(0, answers, errors, prefix="in/photos/"))
    assert [row["file"] for row in lines(work.part(0))] == ["a.png"]
    assert [row["file"] for row in lines(work.errors(0))] == ["x/b.png"]


def test_rows_that_no_part_answered_are_found_and_have_an_error(tmp_path: Path) -> None:
    seen = [ChunkRecord(0, 6, 2, 0, 0), ChunkRecord(1, 2, 3, 0, 0)]
    assert [*lost_rows(seen, 10)] == [range(2), range(5, 6), range(8, 10)]
    assert [*lost_rows([], 3)] == [range(3)]
    assert not [*lost_rows([ChunkRecord(0, 0, 3, 0, 0)], 3)]
    work = WorkFolder(tmp_path / "work")
    (work.path / "parts").mkdir(parents=True)
    record = note_lost(work, range(5, 7), 9, "why")
    assert (record.first, record.rows, record.failed) == (5, 2, 2)
    assert [(it["row"], it["error"]) for it in lines(work.errors(9))] == [
        (5, "PartFailed"),
        (6, "PartFailed"),
    ]


def test_parts_end_within_a_third_of_the_functions_time() -> None:
    assert rows_of_a_part(0.02, 29, 4096) == 4096
    assert rows_of_a_part(20, 30, 4096) == 498
    assert rows_of_a_part(60_000, 30, 4096) == 1


def test_the_cost_is_that_of_memory_and_time_and_of_each_part() -> None:
    price = FunctionPrice(1e-5, 2e-7, 2.0, transition=2.5e-5, write=5e-6, read=4e-7)
    assert cost(price, 100, 0) == pytest.approx(0.002)
    assert cost(price, 0, 1000) == pytest.approx(1000 * (2e-7 + 7.5e-5 + 1.5e-5 + 1.2e-6))
