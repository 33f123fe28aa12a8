from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from lading.functions.contract.errors import InvalidInput
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import converted, served, texts

pd = pytest.importorskip("pandas")

GENERATOR = np.random.default_rng(3)
ROWS = 240
CITY = GENERATOR.choice(["Wien", "Graz", "Linz"], ROWS)
PLAN = GENERATOR.choice(list("abcde"), ROWS, p=[0.5, 0.3, 0.1, 0.07, 0.03])
AGE, CODE = GENERATOR.normal(40, 12, ROWS), GENERATOR.choice([1.0, 2.0, 7.5], ROWS)
TARGET = ((CITY == "Wien").astype(int) + (PLAN == "a") + (AGE > 40) > 1).astype(int)


def column(values: Any) -> Any:
    return pd.Series(np.asarray(values, np.object_), dtype=object)


FULL = pd.DataFrame({"city": column(CITY), "plan": column(PLAN), "age": AGE, "code": CODE})
HOLED = FULL.copy()
HOLED.loc[GENERATOR.random(ROWS) < 0.2, "city"] = None
HOLED.loc[GENERATOR.random(ROWS) < 0.2, "plan"] = np.nan
HOLED.loc[GENERATOR.random(ROWS) < 0.2, "code"] = np.nan

TEXT = {"plan": "BYTES", "city": "BYTES"}
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
    with pytest.raises(InvalidInput, match="takes no missing values"):
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


@pytest.mark.parametrize("unknown", [{}, {"unknown_value": np.nan}, {"unknown_value": -1}], ids=str)
def test_categories_that_are_encoded_as_nan_reach_the_trees(
    tmp_path: Path, unknown: dict[str, float]
) -> None:
    how = {"handle_unknown": "use_encoded_value", **unknown} if unknown else {}
    trees = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0])
    model = make_pipeline(OrdinalEncoder(**how), trees).fit(HOLED[["city", "plan"]], TARGET)
    converted(tmp_path, model, **TEXT)


@pytest.mark.parametrize("frame", [FULL, HOLED], ids=["full", "holed"])
def test_histograms_take_the_categories_of_a_frame(tmp_path: Path, frame: Any) -> None:
    typed = frame[["city", "age"]].astype({"city": "category"})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype")
    converted(tmp_path, model.fit(typed, TARGET), city="BYTES", age="FP32")


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
    with pytest.raises(ConversionError, match=r"the empty text and also what is missing.* 'city'"):
        converted(tmp_path, model, city="BYTES")


def test_an_imputer_may_put_the_empty_text_in_the_place_of_missing_ones(tmp_path: Path) -> None:
    imputer = SimpleImputer(missing_values=None, strategy="constant", fill_value="")
    frame = HOLED[["city"]].replace("Linz", "")
    model = make_pipeline(imputer, OneHotEncoder(), LogisticRegression()).fit(frame, TARGET)
    converted(tmp_path, model, city="BYTES")


@pytest.mark.parametrize(
    ("datatypes", "text"),
    [
        ({"age": "FP32", "city": "FP32"}, "takes texts in column 'city', and gets numbers"),
        ({"age": "BYTES", "city": "BYTES"}, "takes numbers in column 'age', and gets texts"),
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
