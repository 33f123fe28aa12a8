"""One behavior of every format: what was answered is in the output, in order."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from lading.batch.errors import OutputUnusable
from lading.batch.outputs.part import AnsweredRows
from lading.batch.outputs.registry import FORMATS, output_suffix
from lading.functions.inference.tensors.conversion import Array

LABELS, SCORES = [3, 7, 5], [[0.1, 0.5], [float("nan"), 2.0], [1e-9, 1.0]]


def part(*places: int, **more: Any) -> AnsweredRows:
    chosen = list(places)
    outputs = {
        "label": np.array(LABELS)[chosen],
        "scores": np.array(SCORES, np.float32)[chosen],
        **more,
    }
    return AnsweredRows(np.array(chosen, np.int64), [], outputs)


def assembled(folder: Path, suffix: str, *parts: AnsweredRows) -> Path:
    form, paths = FORMATS[suffix], []
    for number, each in enumerate(parts):
        paths.append(folder / f"{number}.part")
        form.write(each, paths[-1])
    form.assemble(paths, folder / f"out{suffix}", ["label", "scores"])
    return folder / f"out{suffix}"


def read_lines(path: Path) -> list[list[Any]]:
    rows = map(json.loads, path.read_text().splitlines())
    return [[row["row"], row["label"], row["scores"]] for row in rows]


def read_csv(path: Path) -> list[list[Any]]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["row", "label", "scores_0", "scores_1"]
    return [[int(a), int(b), [float(c), float(d)]] for a, b, c, d in rows[1:]]


def read_parquet(path: Path) -> list[list[Any]]:
    return [list(row.values()) for row in parquet.read_table(path).to_pylist()]


def read_npz(path: Path) -> list[list[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        columns = [archive[name].tolist() for name in ("row", "label", "scores")]
    return [list(row) for row in zip(*columns, strict=True)]


def read_folder(path: Path) -> list[list[Any]]:
    return [read_lines(each)[0] for each in sorted(path.iterdir())]


READERS = {
    ".jsonl": read_lines,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".npz": read_npz,
    "": read_folder,
}


@pytest.mark.parametrize("suffix", READERS, ids=lambda suffix: suffix or "folder")
def test_the_output_has_every_answer_in_order(tmp_path: Path, suffix: str) -> None:
    found = READERS[suffix](assembled(tmp_path, suffix, part(0, 1), part(2)))
    assert [row[:2] for row in found] == [[0, 3], [1, 7], [2, 5]]
    missing = None if suffix in {".jsonl", ""} else pytest.approx(float("nan"), nan_ok=True)
    wanted: list[Any] = [np.float32(0.1), np.float32(0.5), missing, 2.0, np.float32(1e-9), 1.0]
    values = [value for row in found for value in row[2]]
    assert [v if v is None else np.float32(v) for v in values] == wanted


def test_text_has_the_fewest_digits_that_read_back_to_the_same_number(tmp_path: Path) -> None:
    text = assembled(tmp_path, ".csv", part(0)).read_text()
    assert text == "row,label,scores_0,scores_1\n0,3,0.1,0.5\n"


@pytest.mark.parametrize("suffix", READERS, ids=lambda suffix: suffix or "folder")
def test_an_output_without_rows_can_be_read(tmp_path: Path, suffix: str) -> None:
    path = assembled(tmp_path, suffix)
    if suffix == ".npz":
        assert np.load(path)["row"].tolist() == []
    elif suffix == ".parquet":
        assert parquet.read_table(path).num_rows == 0
    elif suffix == ".csv":
        assert path.read_text() == "row,label,scores\n"
    else:
        assert not (path.read_bytes() if suffix else list(path.iterdir()))


def texts(*each: bytes) -> Array:
    array = np.empty(len(each), np.object_)
    array[:] = each
    return array


def test_texts_and_files_are_written_where_there_are_words_for_them(tmp_path: Path) -> None:
    named = part(0, label=texts("é".encode()))._replace(files=["a/b.png"])
    lines = assembled(tmp_path, ".jsonl", named).read_text()
    assert json.loads(lines)["label"] == "é"
    assert json.loads(lines)["file"] == "a/b.png"
    (row,) = parquet.read_table(assembled(tmp_path, ".parquet", named)).to_pylist()
    assert (row["label"], row["file"]) == ("é", "a/b.png")
    assert json.loads((assembled(tmp_path, "", named) / "a/b.png.json").read_text())["row"] == 0
    with pytest.raises(OutputUnusable, match=r"holds texts; write \.jsonl"):
        assembled(tmp_path, ".npz", named)


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/dev/null/up"])
def test_no_answer_is_written_outside_the_folder(tmp_path: Path, name: str) -> None:
    """Names of files come from the keys of objects, which may be anything."""
    with pytest.raises(OutputUnusable, match="would be outside it"):
        assembled(tmp_path, "", part(0)._replace(files=[name]))
    assert not list(tmp_path.rglob("up*"))


def test_rows_of_different_shapes_are_kept_or_refused(tmp_path: Path) -> None:
    ragged = part(0, 1, scores=[np.ones((2, 2)), np.ones(1)])
    assert read_lines(assembled(tmp_path, ".jsonl", ragged))[0][2] == [[1, 1], [1, 1]]
    assert '"[[1.0,1.0],[1.0,1.0]]"' in assembled(tmp_path, ".csv", ragged).read_text()
    with pytest.raises(OutputUnusable, match="differ in shape"):
        assembled(tmp_path, ".npz", ragged)


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_parts_of_different_shapes_are_refused(tmp_path: Path, suffix: str) -> None:
    wider = part(1, scores=np.ones((1, 3), np.float32))
    with pytest.raises(OutputUnusable, match="differ in shape"):
        assembled(tmp_path, suffix, part(0), wider)


def test_the_name_of_the_output_chooses_its_format() -> None:
    assert output_suffix("a/out.parquet") == ".parquet"
    assert output_suffix("s3://bucket/out.csv") == ".csv"
    assert output_suffix("v1.2/out") == output_suffix("out.d/") == ""
    with pytest.raises(OutputUnusable, match="unsupported format"):
        output_suffix("out.xlsx")
