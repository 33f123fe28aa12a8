from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.kinds.columns import (
    AGE,
    CITY,
    FULL,
    GENERATOR,
    PLAN,
    ROWS,
    TARGET,
    TEXT,
    pd,
)
from tests.model_packaging.estimators.packaging import converted, served, texts


@pytest.mark.parametrize("where", [["city", "plan"], [0, 1], slice(0, 2), [True, True, False]])
def test_columns_are_taken_by_name_whatever_their_order_in_the_manifest(
    tmp_path: Path, where: Any
) -> None:
    columns = ColumnTransformer([("texts", OneHotEncoder(), where), ("n", StandardScaler(), [2])])
    frame = FULL[["city", "plan", "age"]]
    model = make_pipeline(columns, LogisticRegression()).fit(frame, TARGET)
    conversion = converted(tmp_path, model, age="FP32", plan="BYTES", city="BYTES")
    request = {"age": AGE[:20], "plan": texts(*PLAN[:20]), "city": texts(*CITY[:20])}
    found = served(conversion).run(request)
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(frame[:20]), 1e-4)


def test_columns_chosen_by_their_type_and_the_rest_are_those_of_training(tmp_path: Path) -> None:
    chosen = make_column_selector(dtype_include=object)
    columns = ColumnTransformer([("texts", OneHotEncoder(), chosen)], remainder=StandardScaler())
    model = make_pipeline(columns, LogisticRegression()).fit(FULL, TARGET)
    converted(tmp_path, model, code="FP32", age="FP32", **TEXT)


def test_columns_count_by_the_weights_of_their_transformers(tmp_path: Path) -> None:
    steps = [("c", OneHotEncoder(), ["city"]), ("n", StandardScaler(), ["age"])]
    columns = ColumnTransformer(steps, transformer_weights={"c": 0.5, "n": 2})
    model = make_pipeline(columns, LogisticRegression()).fit(FULL[["city", "age"]], TARGET)
    converted(tmp_path, model, city="BYTES", age="FP32")


def test_texts_stand_beside_whole_numbers_flags_and_moments(tmp_path: Path) -> None:
    kinds = {
        "city": CITY,
        "kids": GENERATOR.integers(0, 4, ROWS),
        "member": AGE > 40,
        "seen": 1.7e9 + GENERATOR.integers(0, 10**7, ROWS),
    }
    columns = ColumnTransformer(
        [("c", OneHotEncoder(), ["city"]), ("n", StandardScaler(), ["kids", "seen"])],
        remainder="passthrough",
    )
    model = make_pipeline(columns, LogisticRegression()).fit(pd.DataFrame(kinds), TARGET)
    converted(tmp_path, model, city="BYTES", kids="INT64", member="BOOL", seen="INT64")


def test_columns_that_are_picked_from_a_sparse_matrix_stay_sparse(tmp_path: Path) -> None:
    """XGBoost takes zeros of a sparse matrix for missing values."""
    xgboost = pytest.importorskip("xgboost")
    steps = OneHotEncoder(), SelectKBest(k=4), xgboost.XGBClassifier(n_estimators=3)
    model = make_pipeline(*steps).fit(FULL[["city", "plan"]], TARGET)
    converted(tmp_path, model, **TEXT)


def test_a_function_without_a_form_in_onnx_is_refused_by_name(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(np.unwrap), LogisticRegression())
    with pytest.raises(ConversionError, match="a FunctionTransformer of unwrap"):
        converted(tmp_path, model.fit(FULL[["age", "code"]], TARGET))


def test_a_step_without_an_onnx_form_is_named_with_its_columns(tmp_path: Path) -> None:
    hashed = ColumnTransformer(
        [("n", StandardScaler(), ["age"]), ("h", HashingVectorizer(n_features=8), "city")]
    )
    model = make_pipeline(hashed, LogisticRegression()).fit(FULL[["age", "city"]], TARGET)
    with pytest.raises(ConversionError, match=r"a HashingVectorizer, .* \(column 'city'\)"):
        converted(tmp_path, model, age="FP32", city="BYTES")
    unknown = [("u", FunctionTransformer(np.cbrt), ["age", "code"])]
    model = make_pipeline(ColumnTransformer(unknown), LogisticRegression())
    model.fit(FULL[["age", "code"]], TARGET)
    with pytest.raises(ConversionError, match=r"\(columns 'age', 'code'\)"):
        converted(tmp_path, model, age="FP32", code="FP32")
