import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lading.api.errors import InputUnreadable
from lading.cli.errors import CliError
from lading.cli.request_files import request_of_arrays, request_of_file, request_of_values
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.dialects import plain
from lading.functions.inference.models.predictor import ModelMetadata

AGE, CITY, NEW = (
    TensorSpec("age", "FP32", (-1,)),
    TensorSpec("city", "BYTES", (-1,)),
    TensorSpec("new", "BOOL", (-1,)),
)
COLUMNS = (AGE, CITY, NEW)
TEXT = (TensorSpec("text", "BYTES", (-1,)),)
X = (TensorSpec("X", "FP32", (-1, 2)),)


def of_file(path: Path | str, content: bytes, specs: Sequence[TensorSpec] = ()) -> Any:
    if isinstance(path, Path):
        path.write_bytes(content)
    return json.loads(request_of_file(str(path), content, lambda: specs))


def test_rows_of_csv_have_the_datatypes_of_the_inputs(tmp_path: Path) -> None:
    content = b"id,age,city,new\n7,42,Oslo,True\n8,,7,False\n"
    for name in ("rows.csv", "ROWS.CSV"):
        assert of_file(tmp_path / name, content, COLUMNS) == {
            "inputs": {"age": [42.0, None], "city": ["Oslo", "7"], "new": [True, False]}
        }


def test_rows_of_npz_are_one_table(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", X=np.ones((1, 2), np.float32))
    content = (tmp_path / "rows.npz").read_bytes()
    assert of_file(tmp_path / "rows.npz", content, X) == {"inputs": {"X": [[1.0, 1.0]]}}


def test_a_file_without_a_column_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match="no column 'city'"):
        of_file(tmp_path / "rows.csv", b"age,new\n1,True\n", COLUMNS)


def test_a_truth_value_in_a_column_of_numbers_says_which_datatype_it_needs(tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable, match=r"'True' is not a number; give .* datatype BOOL"):
        of_file(tmp_path / "rows.csv", b"age,city,new\nTrue,Oslo,True\n", COLUMNS)


@pytest.mark.parametrize("path", ["texts.txt", "-"])
def test_texts_are_a_row_in_each_line(path: str) -> None:
    assert of_file(path, "gut\nsehr schön\n".encode(), TEXT) == {"inputs": ["gut", "sehr schön"]}


def test_rows_may_come_from_standard_input(tmp_path: Path) -> None:
    rows = {"age": [42.5, None], "city": ["Oslo", "Rome"], "new": [True, False]}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    expected = {"inputs": rows}
    assert of_file("-", (tmp_path / "rows.parquet").read_bytes(), COLUMNS) == expected
    assert of_file("-", b'"age","city",new\n42.5,"Oslo",True\n,Rome,False\n', COLUMNS) == expected
    with pytest.raises(InputUnreadable, match="no column 'new'"):
        of_file("-", b"age,city\n1,Oslo\n", COLUMNS)
    assert of_file("-", b"text, or more\n", TEXT) == {"inputs": ["text, or more"]}


def test_texts_for_a_model_of_columns_are_refused() -> None:
    with pytest.raises(InputUnreadable, match=r"has texts, but the model takes age \(FP32\)"):
        of_file("texts.txt", b"a", COLUMNS)


@pytest.mark.parametrize(
    ("content", "request_"),
    [
        (b'{"inputs": [1]}', {"inputs": [1]}),
        (b'[{"age": 1}]', {"inputs": [{"age": 1}]}),
        (b'{"age": [1]}', {"inputs": {"age": [1]}}),
        (b'{"age": 1, "city": null}', {"inputs": [{"age": 1, "city": None}]}),
        (b"\xff\xd8", {"inputs": [{"b64": "/9g="}]}),
    ],
    ids=["a request", "records", "columns", "a record", "an image"],
)
def test_other_content_needs_no_signature(content: bytes, request_: Any) -> None:
    def never() -> Sequence[TensorSpec]:
        raise AssertionError

    assert json.loads(request_of_file("-", content, never)) == request_


def test_an_image_is_known_by_its_name_too(tmp_path: Path) -> None:
    assert of_file(tmp_path / "cat.GIF", b"GIF89a") == {"inputs": [{"b64": "R0lGODlh"}]}


def test_bytes_that_are_not_text_arrive_unchanged() -> None:
    images = np.array([b"\xff\xd8", b"text"], object)
    found = json.loads(request_of_arrays({"image": images}))
    metadata = ModelMetadata("m", 1, "onnx", (TensorSpec("image", "BYTES", (-1,)),), ())
    np.testing.assert_array_equal(plain.decode(found, metadata)["image"], images)


def test_values_are_one_record() -> None:
    found = request_of_values(["age=42", "city=a=b", "new=no"], COLUMNS)
    assert json.loads(found) == {"inputs": [{"age": 42, "city": "a=b", "new": False}]}


def test_an_empty_value_is_missing() -> None:
    found = request_of_values(["age=", "city=", "new=true"], COLUMNS)
    assert json.loads(found) == {"inputs": [{"age": None, "city": None, "new": True}]}


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (["age"], "must be NAME=VALUE"),
        (["agge=1"], "did you mean 'age'"),
        (["age=old"], "must be a number, not 'old'"),
        (["new=maybe"], "must be true or false"),
        (["age=1", "new=true"], "--set lacks city; `--set city=` states a missing value"),
    ],
)
def test_values_that_do_not_fit_are_refused(stated: list[str], reason: str) -> None:
    with pytest.raises(CliError, match=reason):
        request_of_values(stated, COLUMNS)
