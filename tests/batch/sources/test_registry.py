"""One behavior of every format: each row is there once, in order, whatever the size of chunks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lading.batch.errors import InputUnusable
from lading.batch.sources.registry import open_source
from lading.batch.sources.source import ChunkSize
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata

ROWS = np.arange(46, dtype=np.float32).reshape(23, 2)
PAIRS = ModelMetadata("m", 1, "none", (TensorSpec("x", "FP32", (-1, 2)),), ())
COLUMNS = ModelMetadata(
    "m", 1, "none", (TensorSpec("a", "FP32", (-1,)), TensorSpec("b", "FP32", (-1, 1))), ()
)
TEXTS = ModelMetadata("m", 1, "none", (TensorSpec("text", "BYTES", (-1,)),), ())


def csv(folder: Path) -> Path:
    text = "\ufeffa,b\r\n" + "".join(f'{a},"{b}"\r\n\r\n' for a, b in ROWS)
    (folder / "rows.csv").write_text(text, newline="")
    return folder / "rows.csv"


def jsonl(folder: Path) -> Path:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row.tolist()) for row in ROWS))
    return folder / "rows.jsonl"


def npz(folder: Path) -> Path:
    np.savez_compressed(folder / "rows.npz", x=ROWS)
    return folder / "rows.npz"


def parquet_of_columns(folder: Path) -> Path:
    table = pa.table({"a": ROWS[:, 0], "b": ROWS[:, 1]})
    parquet.write_table(table, folder / "columns.parquet", row_group_size=5)
    return folder / "columns.parquet"


def parquet_of_lists(folder: Path) -> Path:
    parquet.write_table(pa.table({"x": ROWS.tolist()}), folder / "lists.parquet")
    return folder / "lists.parquet"


FORMATS = [csv, jsonl, npz, parquet_of_columns, parquet_of_lists]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("size", [ChunkSize(), ChunkSize(rows=4), ChunkSize(bytes=40)], ids=str)
def test_each_row_is_there_once_and_in_order(tmp_path: Path, write: Any, size: ChunkSize) -> None:
    source = open_source(write(tmp_path))
    source.check(PAIRS)
    chunks = list(source.chunks(size))
    found = np.concatenate([chunk.rows.inputs(PAIRS)["x"] for chunk in chunks])
    assert found.dtype == np.float32
    assert found.tolist() == ROWS.tolist()
    assert [chunk.number for chunk in chunks] == [*range(len(chunks))]
    firsts = np.cumsum([0, *(len(chunk.rows) for chunk in chunks)])[:-1]
    assert [chunk.first for chunk in chunks] == firsts.tolist()
    assert sum(chunk.size for chunk in chunks) <= source.size
    if size != ChunkSize():
        assert len(chunks) >= 4
        assert all(len(chunk.rows) <= size.rows for chunk in chunks)


@pytest.mark.parametrize("write", [csv, parquet_of_columns])
def test_columns_are_inputs_by_name(tmp_path: Path, write: Any) -> None:
    source = open_source(write(tmp_path))
    source.check(COLUMNS)
    (chunk,) = source.chunks(ChunkSize())
    found = chunk.rows.inputs(COLUMNS)
    assert found["a"].tolist() == ROWS[:, 0].tolist()
    assert found["b"].tolist() == ROWS[:, 1:].tolist()


@pytest.mark.parametrize("write", [csv, npz, parquet_of_columns])
def test_other_columns_than_the_models_are_refused_before_any_row(
    tmp_path: Path, write: Any
) -> None:
    wide = PAIRS._replace(inputs=(TensorSpec("y", "FP32", (-1, 3)), TensorSpec("z", "FP32", (-1,))))
    with pytest.raises(InputUnusable, match="requires"):
        open_source(write(tmp_path)).check(wide)


def test_a_table_of_the_wrong_width_is_refused_before_any_row(tmp_path: Path) -> None:
    wide = PAIRS._replace(inputs=(TensorSpec("x", "FP32", (-1, 3)),))
    for write in (csv, parquet_of_columns):
        with pytest.raises(InputUnusable, match="has 2 columns; the model requires 3"):
            open_source(write(tmp_path)).check(wide)


def test_rows_of_texts_are_read_from_parquet_and_npz(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": ["a", "bé"]}), tmp_path / "texts.parquet")
    np.savez(tmp_path / "texts.npz", text=np.array(["a", "bé"]))
    for name in ("texts.parquet", "texts.npz"):
        (chunk,) = open_source(tmp_path / name).chunks(ChunkSize())
        assert chunk.rows.inputs(TEXTS)["text"].tolist() == [b"a", "bé".encode()]
        assert chunk.rows.taken([1]).sizes() == [2]


def test_a_quoted_cell_with_line_ends_is_in_one_row(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('text\n"two\nlines"\nplain\n"a ""quote"""\n')
    chunks = open_source(tmp_path / "rows.csv").chunks(ChunkSize(rows=1))
    found = [chunk.rows.inputs(TEXTS)["text"].tolist() for chunk in chunks]
    assert found == [[b"two\nlines"], [b"plain"], [b'a "quote"']]


def test_the_files_of_a_folder_are_rows_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    source = open_source(tmp_path)
    source.check(TEXTS)
    chunks = list(source.chunks(ChunkSize(rows=16)))
    assert [chunk.files for chunk in chunks] == [("a.txt",), ("b.txt",), ("sub/c.txt",)]
    assert chunks[2].rows.inputs(TEXTS)["text"].tolist() == [b"sub/c.txt"]
    with pytest.raises(InputUnusable, match="does not read files"):
        source.check(PAIRS)


@pytest.mark.parametrize("name", ["rows.npz", "rows.parquet"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(InputUnusable, match=name):
        list(open_source(tmp_path / name).chunks(ChunkSize()))


def test_arrays_that_would_run_code_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", allow_pickle=True, x=np.array([{}], object))
    with pytest.raises(InputUnusable, match="object"):
        list(open_source(tmp_path / "rows.npz").chunks(ChunkSize()))


def test_arrays_of_different_lengths_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", a=np.ones(2), b=np.ones(3))
    with pytest.raises(InputUnusable, match="same number of rows"):
        open_source(tmp_path / "rows.npz").check(COLUMNS)


def test_what_is_not_there_or_of_no_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.xlsx").write_bytes(b"")
    for name, reason in (("gone.csv", "no such file"), ("rows.xlsx", "unsupported format")):
        with pytest.raises(InputUnusable, match=reason):
            open_source(tmp_path / name)


def test_the_identity_changes_with_the_input(tmp_path: Path) -> None:
    path = jsonl(tmp_path)
    before = open_source(path).identity()
    path.write_text(path.read_text() + "\n[1, 2]")
    assert open_source(path).identity() != before
