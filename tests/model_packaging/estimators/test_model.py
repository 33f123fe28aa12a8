from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OrdinalEncoder, StandardScaler

from tests.model_packaging.estimators.packaging import converted, served

pd = pytest.importorskip("pandas")

GENERATOR = np.random.default_rng(11)
MOMENT = 1.7e12 + GENERATOR.integers(0, 60_000, 300).astype(float)
AGE = GENERATOR.normal(40, 12, 300)
TABLE = np.stack([MOMENT, AGE], axis=1)
LATE = (MOMENT > 1.7e12 + 30_000).astype(int)


def datatypes(folder: Path, estimator: Any, **inputs: str) -> dict[str, str]:
    conversion = converted(folder, estimator, **inputs)
    return {spec.name: spec.datatype for spec in served(conversion).inputs}


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler(), LogisticRegression()],
        [MinMaxScaler(), RandomForestClassifier(4, random_state=0)],
        [KBinsDiscretizer(5), LogisticRegression()],
        [GaussianNB()],
        [HistGradientBoostingClassifier(max_iter=4)],
    ],
    ids=str,
)
def test_milliseconds_are_not_rounded(tmp_path: Path, steps: list[Any]) -> None:
    model = make_pipeline(*steps).fit(TABLE, LATE)
    conversion = converted(tmp_path, model)
    found = served(conversion).run({"X": TABLE})
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(TABLE), 1e-3, 1e-4)
    assert found["label"].tolist() == model.predict(TABLE).tolist()


def test_only_the_column_whose_rounding_matters_becomes_fp64(tmp_path: Path) -> None:
    frame = pd.DataFrame({"moment": MOMENT, "age": AGE})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, LATE)
    found = datatypes(tmp_path, model, age="FP32", moment="FP32")
    assert found == {"age": "FP32", "moment": "FP64"}


def test_an_integer_column_keeps_its_datatype_and_its_digits(tmp_path: Path) -> None:
    frame = pd.DataFrame({"moment": MOMENT, "age": AGE})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, LATE)
    conversion = converted(tmp_path, model, moment="INT64", age="FP32")
    found = served(conversion).run({"moment": MOMENT.astype(np.int64), "age": AGE})
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(frame), 1e-3, 1e-4)


def test_large_ids_stay_apart(tmp_path: Path) -> None:
    ids = (np.arange(40) + 2**40).astype(float)[:, np.newaxis]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(encoder, RandomForestClassifier(3, random_state=0))
    conversion = converted(tmp_path, model.fit(ids, np.arange(40) % 2))
    assert served(conversion).run({"X": ids})["label"].tolist() == model.predict(ids).tolist()


def test_a_model_of_ordinary_numbers_takes_fp32(tmp_path: Path) -> None:
    rows = GENERATOR.normal(size=(100, 3))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, rows[:, 0] > 0)
    assert datatypes(tmp_path, model) == {"X": "FP32"}
