from typing import Any

import numpy as np
import pytest

from lading.api.errors import InputUnreadable
from lading.api.values import as_inputs, as_table
from lading.functions.contract.errors import InferenceError
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata

COLUMNS = ModelMetadata(
    "m",
    1,
    "onnx",
    (
        TensorSpec("age", "FP32", (-1,)),
        TensorSpec("city", "BYTES", (-1,)),
        TensorSpec("new", "BOOL", (-1,)),
    ),
    (),
)
MATRIX = COLUMNS._replace(inputs=(TensorSpec("x", "FP32", (-1, 2)),))
ROWS: dict[str, list[Any]] = {"age": [1.5, None], "city": ["Oslo", None], "new": [True, False]}


def as_json(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: array.tolist() for name, array in inputs.items()}


def check(given: Any) -> None:
    age, city, new = as_inputs(given, COLUMNS).values()
    assert age.dtype == np.float32
    assert age[0] == 1.5
    assert np.isnan(age[1])
    assert (city.tolist(), new.tolist()) == ([b"Oslo", b""], [True, False])


def test_a_mapping_of_columns_with_missing_values() -> None:
    check(ROWS)


def test_records() -> None:
    check([dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)])


@pytest.mark.parametrize("city", ["object", "category", "string"])
@pytest.mark.parametrize("age", ["float64", "Float64"])
def test_a_data_frame_of_any_dtypes_of_pandas(city: str, age: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS).astype({"city": city, "age": age})
    check(frame.assign(other=0))


def test_dates_are_texts() -> None:
    pandas = pytest.importorskip("pandas")
    table = as_table(pandas.DataFrame({"day": pandas.to_datetime(["2026-11-30", None])}))
    assert table == {"day": ["2026-11-30 00:00:00", None]}


@pytest.mark.parametrize("given", [np.array([[1, 2]]), [[1, 2]], {"x": np.array([[1.0, 2.0]])}])
def test_the_only_input_needs_no_name(given: Any) -> None:
    assert as_json(as_inputs(given, MATRIX)) == {"x": [[1.0, 2.0]]}


def test_a_frame_of_the_only_input_is_read_in_its_order() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"b": [1.0], "a": [2.0]})
    assert as_json(as_inputs(frame, MATRIX)) == {"x": [[1.0, 2.0]]}


def test_bytes_are_the_content_of_a_file() -> None:
    image = COLUMNS._replace(inputs=(TensorSpec("image", "BYTES", (-1,)),))
    assert as_json(as_inputs(b"\xff\xd8", image)) == {"image": [b"\xff\xd8"]}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"age": [1.0]}, "has no column 'city'"),
        ({**ROWS, "age": ["old", 2]}, "age"),
        ({**ROWS, "new": np.array(["a", "b"])}, "new"),
    ],
)
def test_a_column_that_is_missing_or_of_another_type_is_named(given: Any, reason: str) -> None:
    with pytest.raises(InputUnreadable, match=reason):
        as_inputs(given, COLUMNS)


def test_values_for_several_inputs_need_names() -> None:
    with pytest.raises(InferenceError, match="age, city, new"):
        as_inputs([[1.0]], COLUMNS)
