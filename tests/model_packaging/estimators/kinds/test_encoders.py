from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from lading.functions.contract.errors import InvalidInput
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.kinds.columns import FULL, HOLED, TARGET, TEXT, column, pd
from tests.model_packaging.estimators.packaging import converted, served, texts

ENCODERS = [
    OneHotEncoder(),
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
    OneHotEncoder(max_categories=2, sparse_output=False),
    OneHotEncoder(drop="first"),
    OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    OrdinalEncoder(encoded_missing_value=-5),
    OrdinalEncoder(encoded_missing_value=-2, handle_unknown="use_encoded_value", unknown_value=-1),
    OrdinalEncoder(
        encoded_missing_value=-2,
        min_frequency=20,
        handle_unknown="use_encoded_value",
        unknown_value=99,
    ),
    TargetEncoder(),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize("frame", [FULL, HOLED], ids=["full", "holed"])
def test_categories_missing_and_unknown_ones_are_encoded_as_by_the_original(
    tmp_path: Path, encoder: Any, frame: Any
) -> None:
    model = make_pipeline(encoder, LogisticRegression()).fit(frame[["city", "plan"]], TARGET)
    converted(tmp_path, model, **TEXT)


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
@pytest.mark.parametrize("frame", [FULL, HOLED], ids=["full", "holed"])
def test_categories_that_are_numbers_are_encoded_as_by_the_original(
    tmp_path: Path, encoder: Any, frame: Any
) -> None:
    model = make_pipeline(encoder, LogisticRegression()).fit(frame[["code"]], TARGET)
    converted(tmp_path, model, code="FP32")


def test_an_unknown_category_is_refused_where_the_original_refuses_it(tmp_path: Path) -> None:
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(FULL[["city"]], TARGET)
    answer = served(converted(tmp_path, model, city="BYTES")).run
    with pytest.raises(InvalidInput, match=r"'Paris'.*it knows 'Graz', 'Linz', 'Wien'"):
        answer({"city": texts("Wien", "Paris")})
    with pytest.raises(InvalidInput, match="does not accept missing values"):
        answer({"city": texts("")})


def test_the_empty_text_is_a_missing_category(tmp_path: Path) -> None:
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(HOLED[["city"]], TARGET)
    found = served(converted(tmp_path, model, city="BYTES")).run({"city": texts("", "Wien")})
    asked = pd.DataFrame({"city": column([None, "Wien"])})
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(asked), 1e-5)


def test_an_imputer_fills_missing_texts(tmp_path: Path) -> None:
    imputer = SimpleImputer(strategy="constant", fill_value="none")
    steps = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))
    rest = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    columns = ColumnTransformer([("texts", steps, ["plan"])], remainder=rest)
    model = make_pipeline(columns, LogisticRegression()).fit(HOLED[["plan", "code"]], TARGET)
    converted(tmp_path, model, code="FP32", plan="BYTES")


@pytest.mark.parametrize("unknown", [{}, {"unknown_value": np.nan}, {"unknown_value": -1}], ids=str)
def test_categories_that_are_encoded_as_nan_reach_the_trees(
    tmp_path: Path, unknown: dict[str, float]
) -> None:
    how = {"handle_unknown": "use_encoded_value", **unknown} if unknown else {}
    trees = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0])
    model = make_pipeline(OrdinalEncoder(**how), trees).fit(HOLED[["city", "plan"]], TARGET)
    converted(tmp_path, model, **TEXT)


@pytest.mark.parametrize(
    "steps",
    [
        [OneHotEncoder()],
        [SimpleImputer(missing_values=None, strategy="constant", fill_value="no"), OneHotEncoder()],
    ],
    ids=str,
)
def test_empty_texts_beside_missing_ones_are_refused_by_name(
    tmp_path: Path, steps: list[Any]
) -> None:
    frame = HOLED[["city"]].replace("Linz", "")
    model = make_pipeline(*steps, LogisticRegression()).fit(frame, TARGET)
    with pytest.raises(ConversionError, match=r"the empty text and a missing category.* 'city'"):
        converted(tmp_path, model, city="BYTES")


def test_an_imputer_may_put_the_empty_text_in_the_place_of_missing_ones(tmp_path: Path) -> None:
    imputer = SimpleImputer(missing_values=None, strategy="constant", fill_value="")
    frame = HOLED[["city"]].replace("Linz", "")
    model = make_pipeline(imputer, OneHotEncoder(), LogisticRegression()).fit(frame, TARGET)
    converted(tmp_path, model, city="BYTES")


@pytest.mark.parametrize(
    ("datatypes", "text"),
    [
        ({"age": "FP32", "city": "FP32"}, "needs texts in column 'city', but gets numbers"),
        ({"age": "BYTES", "city": "BYTES"}, "needs numbers in column 'age', which holds texts"),
    ],
)
def test_a_datatype_that_does_not_fit_is_one_clear_error(
    tmp_path: Path, datatypes: dict[str, str], text: str
) -> None:
    columns = ColumnTransformer(
        [("texts", OneHotEncoder(), ["city"]), ("n", StandardScaler(), ["age"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(FULL[["city", "age"]], TARGET)
    with pytest.raises(ConversionError, match=text):
        converted(tmp_path, model, **datatypes)
