from collections.abc import Mapping
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from lading.model_packaging.check.stage import check
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.estimators.columns import datatypes_of, is_plain
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.tables.table import Cells
from tests.model_packaging.estimators.packaging import served

pd = pytest.importorskip("pandas")

RANDOM = np.random.default_rng(1)
FRAME = pd.DataFrame(
    {
        "age": RANDOM.integers(18, 80, 90),
        "code": RANDOM.integers(100, 104, 90).astype(str),
        "city": pd.Categorical(RANDOM.choice(["Oslo", "Rome"], 90)),
        "new": RANDOM.random(90) < 0.5,
        "since": pd.Timestamp("2024-01-31"),
    }
)
NAMES = list(FRAME.columns)
TRUTH = (FRAME["age"] > 40) ^ (FRAME["city"] == "Oslo")


def pipeline() -> Pipeline:
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
            (
                "category",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
                ["code", "city"],
            ),
            ("flag", "passthrough", [3]),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(FRAME, TRUTH)


def test_an_encoder_knows_texts_that_look_like_numbers() -> None:
    data = {"code": Cells(["100", "103"], [2, 3]), "new": Cells(["True", "False"], [2, 3])}
    found = datatypes_of(pipeline(), NAMES, data)
    assert found == {
        "age": "FP32",
        "code": "BYTES",
        "city": "BYTES",
        "new": "BOOL",
        "since": "FP32",
    }


def test_without_rows_an_encoder_and_an_imputer_know_what_they_saw() -> None:
    assert datatypes_of(pipeline(), NAMES, {})["city"] == "BYTES"
    imputer = SimpleImputer(strategy="constant", fill_value="none").fit(FRAME[["code"]])
    assert datatypes_of(imputer, ["code"], {}) == {"code": "BYTES"}
    assert datatypes_of(OrdinalEncoder().fit(FRAME[["new"]]), ["new"], {}) == {"new": "BOOL"}


def test_categories_that_are_numbers_are_numbers() -> None:
    encoder = OneHotEncoder().fit(FRAME[["age"]])
    seen = {"age": Cells(["a text"], [2])}
    assert datatypes_of(encoder, ["age"], seen) == {"age": "FP32"}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: FeatureUnion([("a", inner)]).fit(FRAME[["code"]]),
        lambda inner: make_pipeline("passthrough", inner).fit(FRAME[["code"]]),
    ],
    ids=["union", "after a step that passes on"],
)
def test_it_looks_inside(wrap: object) -> None:
    assert callable(wrap)
    assert datatypes_of(wrap(OneHotEncoder()), ["code"], {}) == {"code": "BYTES"}


def test_it_looks_into_the_best_estimator_of_a_search() -> None:
    model = make_pipeline(OneHotEncoder(), LogisticRegression())
    search = GridSearchCV(model, {"logisticregression__C": [1.0]}, cv=2)
    search.fit(FRAME[["code"]], TRUTH)
    assert datatypes_of(search, ["code"], {}) == {"code": "BYTES"}


@pytest.mark.parametrize(
    ("found", "plain"), [({"a": "FP32", "b": "FP64"}, True), ({"a": "FP32", "b": "BOOL"}, False)]
)
def test_a_table_of_numbers_is_plain(found: Mapping[str, str], plain: bool) -> None:
    assert is_plain(found) is plain


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_pipeline_of_mixed_columns_needs_no_inputs_in_the_manifest(
    tmp_path: Path, suffix: str
) -> None:
    joblib.dump(pipeline(), tmp_path / "model.joblib")
    rows = FRAME.assign(left=TRUTH)
    data = tmp_path / f"rows.{suffix}"
    rows.to_csv(data, index=False) if suffix == "csv" else rows.to_parquet(data, index=False)
    gate = AccuracySpec(data, "accuracy", 0.01, truth="left")
    spec = ModelSpec("m", tmp_path / "model.joblib", trust=True, accuracy=gate)
    conversion = CONVERTER.convert(spec)
    check(spec, conversion)
    found = {each.name: (each.datatype, each.shape) for each in served(conversion).inputs}
    assert found == {
        "age": ("FP32", (-1,)),
        "code": ("BYTES", (-1,)),
        "city": ("BYTES", (-1,)),
        "new": ("BOOL", (-1,)),
        "since": ("BYTES", (-1,)),
    }
