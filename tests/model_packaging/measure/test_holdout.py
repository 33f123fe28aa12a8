import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.manifest.entries import AccuracySpec, Metric
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.holdout import read_holdout, read_rows

X = TensorSpec("features", "FP32", (-1, 3))
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)
TRUTH = np.array([0, 1, 1, 0])
AGE, CITY, NEW = (
    TensorSpec(name, datatype, (-1, 1))
    for name, datatype in (("age", "FP32"), ("city", "BYTES"), ("new", "BOOL"))
)
MIXED = {"age": [1.5, 2, 30], "city": ["Oslo", "7", "Ærø"], "new": [True, False, True]}


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "holdout.npz"
    np.savez(path, **arrays)
    return path


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def held(path: Path, *specs: TensorSpec, metric: Metric = "accuracy") -> Samples:
    gate = AccuracySpec(path, metric, 0)
    spec = ModelSpec("digits", Path("model.onnx"), accuracy=gate, lines={"accuracy.data": 7})
    return read_holdout(spec, specs or (X,))


def refusal(path: Path, *specs: TensorSpec) -> str:
    with pytest.raises(DataUnusable) as caught:
        held(path, *specs)
    start = f"models.yaml:7: models.digits.accuracy.data: {path} "
    assert str(caught.value).startswith(start)
    return str(caught.value)


def shapes(samples: Samples, rows: int) -> list[tuple[int, ...]]:
    return [array.shape for request in samples.requests(rows) for array in request.values()]


def test_held_out_rows_are_read_under_the_inputs_name_or_as_x(tmp_path: Path) -> None:
    for name in ("features", "X"):
        samples = held(save(tmp_path, **{name: ROWS, "y": TRUTH}))
        assert samples.rows == 4
        assert np.array_equal(samples.inputs["features"], ROWS)
        assert np.array_equal(np.asarray(samples.truth), TRUTH)
        assert shapes(samples, 3) == [(3, 3), (1, 3)]


def test_numbers_are_converted_where_that_is_harmless_and_texts_become_bytes(
    tmp_path: Path,
) -> None:
    path = save(tmp_path, X=ROWS.astype(np.int64), y=TRUTH)
    assert held(path).inputs["features"].dtype == np.float32
    words = TensorSpec("words", "BYTES", (-1,))
    path = save(tmp_path, X=np.array(["a", "b", "c", "é"]), y=TRUTH)
    assert held(path, words).inputs["words"].tolist()[3] == "é".encode()


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"X": ROWS}, "has no column 'y'"),
        ({"y": TRUTH}, "has no column 'features'"),
        ({"X": ROWS[:0], "y": TRUTH[:0]}, "has no rows"),
        ({"X": ROWS, "y": np.array(1)}, "has no rows"),
        ({"X": ROWS[:3], "y": TRUTH}, "has 3 rows in 'features' and 4 in 'y'"),
        ({"X": ROWS[:, :2], "y": TRUTH}, "[4, 2]; the model accepts [-1, 3]"),
        ({"X": ROWS.astype(str), "y": TRUTH}, "must be FP32, not text"),
        ({"X": ROWS, "y": np.array([0, 1, np.nan, 0])}, "has NaN or infinity in 'y'"),
        ({"X": ROWS, "y": np.array([0, 1, None, 0])}, "is not an .npz file of plain arrays"),
    ],
)
def test_rows_that_do_not_fit_are_one_clear_error(
    tmp_path: Path, arrays: dict[str, Any], text: str
) -> None:
    assert text in refusal(save(tmp_path, **arrays))


def test_floats_are_never_cut_to_integers(tmp_path: Path) -> None:
    whole = TensorSpec("features", "INT64", (-1, 3))
    assert "must be INT64, not float32" in refusal(save(tmp_path, X=ROWS, y=TRUTH), whole)


def test_whole_numbers_of_a_csv_are_integers_however_they_are_written(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "ms,y\n1700000052123.0,0\n7,1\n")
    found = held(path, TensorSpec("ms", "INT64", (-1,))).inputs["ms"]
    assert found.tolist() == [1700000052123, 7]
    path = write(tmp_path, "b.csv", "ms,y\n1.5,0\n7,1\n")
    assert "whole numbers for INT64" in refusal(path, TensorSpec("ms", "INT64", (-1,)))


def test_rows_must_fill_the_batches_that_a_model_insists_on(tmp_path: Path) -> None:
    path = save(tmp_path, x=ROWS, y=TRUTH)
    text = refusal(path, TensorSpec("x", "FP32", (3, 3)))
    assert "has 4 rows, but the model needs batches of 3" in text
    assert shapes(held(path, TensorSpec("x", "FP32", (2, 3))), 64) == [(2, 3), (2, 3)]


def mixed(folder: Path, kind: str, truth: Sequence[Any]) -> Path:
    """MIXED with this truth, in a file of this kind."""
    table = {**MIXED, "y": list(truth)}
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    if kind == "parquet":
        path = folder / "rows.parquet"
        parquet.write_table(pa.table(table), path)
        return path
    if kind == "jsonl":
        return write(folder, "rows.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n")
    lines = [",".join(table), *(",".join(map(str, row.values())) for row in rows), ""]
    return write(folder, "rows.csv", "\r\n".join(lines))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("truth", "dtype"), [([0, 1, 2], "i"), ([0.5, 1, 2], "f"), (["a", "b", "1"], "U")]
)
def test_columns_of_every_kind_go_to_the_inputs_of_their_names(
    tmp_path: Path, kind: str, truth: Sequence[Any], dtype: str
) -> None:
    samples = held(mixed(tmp_path, kind, truth), CITY, NEW, AGE)
    assert samples.inputs["age"].tolist() == [[1.5], [2.0], [30.0]]
    assert samples.inputs["city"].tolist() == [[b"Oslo"], [b"7"], ["Ærø".encode()]]
    assert samples.inputs["new"].tolist() == [[True], [False], [True]]
    found = np.asarray(samples.truth)
    assert (found.dtype.kind, found.tolist()) == (dtype, truth)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_only_input_may_be_the_row_of_all_columns(tmp_path: Path, kind: str) -> None:
    table: dict[str, Any] = {"c": [1, 2], "a": [3.5, 4], "y": [0, 1], "b": [5, 6]}
    if kind == "csv":
        path = write(tmp_path, "rows.csv", "c,a,y,b\n1,3.5,0,5\n2,4,1,6\n")
    elif kind == "jsonl":
        lines = [json.dumps({key: table[key][row] for key in table}) for row in (0, 1)]
        path = write(tmp_path, "rows.jsonl", "\n".join(lines))
    else:
        path = tmp_path / "rows.parquet"
        parquet.write_table(pa.table(table), path)
    assert held(path).inputs["features"].tolist() == [[1, 3.5, 5], [2, 4, 6]]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_column_may_hold_vectors(tmp_path: Path, kind: str) -> None:
    rows: Array = ROWS.tolist()  # type: ignore[assignment]
    path = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        parquet.write_table(pa.table({"features": rows, "y": TRUTH.tolist()}), path)
    else:
        pairs = zip(rows, TRUTH.tolist(), strict=True)
        path.write_text("\n".join(json.dumps({"features": row, "y": y}) for row, y in pairs))
    assert np.array_equal(held(path).inputs["features"], ROWS)


def missing(folder: Path, kind: str) -> Path:
    """Rows of which the second has neither an age nor a city."""
    rows = [{"age": 1.5, "city": "Oslo", "y": 0}, {"age": None, "city": None, "y": 1}]
    if kind == "csv":
        return write(folder, "rows.csv", "age,city,y\n1.5,Oslo,0\n,,1\n")
    if kind == "jsonl":
        return write(folder, "rows.jsonl", "\n".join(map(json.dumps, rows)))
    parquet.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    return folder / "rows.parquet"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_missing_values_are_what_callers_send_of_them(tmp_path: Path, kind: str) -> None:
    rows = held(missing(tmp_path, kind), AGE, CITY).inputs
    assert np.isnan(rows["age"]).tolist() == [[False], [True]]
    assert rows["city"].tolist() == [[b"Oslo"], [b""]]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_vector_may_have_missing_values(tmp_path: Path, kind: str) -> None:
    rows = [{"X": [1.0, None, 3.0], "y": 0}, {"X": [4.0, 5.0, 6.0], "y": 1}]
    path = tmp_path / f"rows.{kind}"
    if kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        parquet.write_table(pa.Table.from_pylist(rows), path)
    assert np.isnan(held(path).inputs["features"]).tolist() == [[False, True, False], [False] * 3]


@pytest.mark.parametrize("datatype", ["INT64", "BOOL"])
def test_inputs_without_missing_values_say_so(tmp_path: Path, datatype: str) -> None:
    whole = TensorSpec("age", datatype, (-1, 1))
    text = refusal(write(tmp_path, "a.csv", "age,y\n1,0\n,1\n"), whole)
    assert f"line 3, column 'age' is empty; {datatype} has no missing values" in text
    nulls = write(tmp_path, "a.jsonl", '{"age": null, "y": 0}\n')
    assert f"for {datatype}, not null" in refusal(nulls, whole)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.csv", "age,y\n1,0\nold,1\n", "line 3, column 'age': 'old' is not a number"),
        ("a.csv", "age,y\n1,0\n2\n", "line 3 has 1 cells, but the header has 2"),
        ("a.csv", "age,age\n1,0\n", "has two columns 'age'"),
        ("a.csv", 'age,y\n"1,0\n', "is not a .csv file in UTF-8"),
        ("a.csv", "", "has no column 'age'"),
        ("a.csv", "age,y\n", "has no rows"),
        ("a.csv", "wage,size,y\n1,2,0\n", "[1, 2]; the model accepts [-1, 1]"),
        ("a.csv", "age,y\n1,0\n2,\n", "line 3, column 'y' is empty; every row needs its correct"),
        ("a.csv", "age,y\n1,a\n2,\n", "line 3, column 'y' is empty; every row needs its correct"),
        ("a.csv", "age,y\n1,0\n2,nan\n", "has NaN or infinity in 'y'"),
        ("a.jsonl", '{"age": 1, "y": 0}\n{"age": "x", "y": 0}\n', "must be numbers for FP32"),
        ("a.jsonl", '{"age": 1, "y": 0}\n{"age": 1}\n', "line 2 lacks 'y'"),
        ("a.jsonl", '{"age": 1, "y": 0}\n{"age": 1, "y": 0, "b": 0}\n', "line 2 has 'b'"),
        (
            "a.jsonl",
            '{"age": 1, "y": 0}\n{"age": 1, "y": "a"}\n',
            "mixed types or missing values in 'y'",
        ),
        (
            "a.jsonl",
            '{"age": 1, "y": 0}\n{"age": 1, "y": null}\n',
            "mixed types or missing values in 'y'",
        ),
        (
            "a.jsonl",
            '{"age": 1, "y": [0]}\n{"age": 1, "y": [0, 1]}\n',
            "mixed types or missing values in 'y'",
        ),
        ("a.jsonl", "[1]\n", "line 1 must be a JSON object"),
        ("a.jsonl", '{"age": ' + "[" * 100_000, "line 1 is not JSON"),
        ("a.jsonl", "nonsense", "line 1 is not JSON"),
        ("a.parquet", "nonsense", "is not a .parquet file"),
        ("a.npz", "nonsense", "is not an .npz file"),
        ("a.npz", "", "is not an .npz file"),
        ("a.txt", "nonsense", "has an unsupported format; use one of .csv, .jsonl, .npz, .parq"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(
    tmp_path: Path, name: str, content: str, text: str
) -> None:
    assert text in refusal(write(tmp_path, name, content), AGE)


def test_text_that_is_not_utf_8_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"age,y\n\xff,1\n")
    assert "is not a .csv file in UTF-8" in refusal(tmp_path / "a.csv", AGE)


def test_a_truncated_archive_is_one_clear_error(tmp_path: Path) -> None:
    path = save(tmp_path, X=ROWS, y=TRUTH)
    path.write_bytes(path.read_bytes()[:-40])
    assert "is not an .npz file" in refusal(path)


def test_a_metric_beside_the_original_needs_no_truth(tmp_path: Path) -> None:
    path = save(tmp_path, X=ROWS)
    assert held(path, metric="cosine").truth is None
    rows = read_rows(ModelSpec("digits", path), "quantize.calibration", path, (X,))
    assert (rows.rows, rows.truth) == (4, None)
