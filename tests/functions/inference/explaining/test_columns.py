"""Features of rows: columns, groups of them, and rows mixed with a background."""

from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.explaining.columns import Mixing, check_shapes, columns_of
from lading.functions.inference.explaining.recorded import Recorded
from lading.functions.inference.models.predictor import ModelMetadata

METADATA = ModelMetadata(
    "m", 1, "test", (TensorSpec("age", "FP32", (-1,)), TensorSpec("plan", "BYTES", (-1, 1))), ()
)
BACKGROUND: dict[str, Any] = {
    "age": np.array([30, np.nan], np.float32),
    "plan": np.array([[b"basic"], [b"trial"]], np.object_),
}
X: dict[str, Any] = {"age": np.array([50], np.float32), "plan": np.array([[b"trial"]], np.object_)}


def test_each_column_of_each_input_is_a_feature() -> None:
    columns = columns_of(METADATA, Recorded("shapley", "y", 1, background=BACKGROUND))
    assert columns.names == ("age", "plan")
    assert columns.varying(X, BACKGROUND).tolist() == [0, 1]
    rows = columns.rows(X, BACKGROUND, np.array([[True, False], [False, True]]), np.array([0, 1]))
    np.testing.assert_array_equal(rows["age"], np.array([50, np.nan], np.float32))
    assert rows["plan"].tolist() == [[b"basic"], [b"trial"]]
    assert rows["age"].dtype == np.float32
    assert columns.shaped(np.array([1.5, -2.0]), X) == {"age": 1.5, "plan": [-2.0]}


def test_a_group_of_columns_is_one_feature_and_stays_whole() -> None:
    metadata = ModelMetadata("m", 1, "test", (TensorSpec("x", "FP64", (-1, 4)),), ())
    background = {"x": np.array([[1.0, 1, 0, 0]])}
    features = (("color", (1, 2)), ("size", (3,)))
    columns = columns_of(metadata, Recorded("shapley", "y", 1, features, background=background))
    assert columns.names == ("x[0]", "color", "size")
    x = {"x": np.array([[1.0, 0, 1, 7]])}
    varying = columns.varying(x, background)
    assert varying.tolist() == [1, 2]
    mixing = Mixing(columns, x, background, varying)
    masks = np.array([[True, False], [False, True], [False, False]])
    rows = mixing.rows(masks, np.zeros(3, np.int64))["x"]
    assert rows.tolist() == [[1, 0, 1, 0], [1, 1, 0, 7], [1, 1, 0, 0]]
    assert columns.shaped(np.array([0.0, 2.0, 3.0]), x) == {"x": [0.0, 2.0, None, 3.0]}


def test_missing_values_are_equal_to_each_other() -> None:
    columns = columns_of(METADATA, Recorded("shapley", "y", 1, background=BACKGROUND))
    missing = {name: array[1:] for name, array in BACKGROUND.items()}
    assert columns.varying(missing, missing).tolist() == []


def test_rows_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"rows of shape \[2\], but its explanations need \[1\]"):
        check_shapes({"plan": np.array([[b"a", b"b"]], np.object_)}, BACKGROUND)
