from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import (
    CLASS,
    GENERATOR,
    NUMBER,
    ROWS,
    agrees,
    converted,
    named,
    served,
)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [(make_pipeline(SimpleImputer(add_indicator=True), Ridge()), NUMBER)],
    ids=named,
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, target)


@pytest.mark.parametrize(
    ("estimator", "text"),
    [(make_pipeline(KNNImputer(weights=np.abs), Ridge()), "KNNImputer with a custom metric or w")],
)
def test_an_estimator_without_a_right_form_is_refused_by_name(
    tmp_path: Path, estimator: Any, text: str
) -> None:
    with pytest.raises(ConversionError, match=text):
        converted(tmp_path, estimator.fit(ROWS, CLASS))


@pytest.mark.parametrize(
    "imputer",
    [
        KNNImputer(),
        KNNImputer(n_neighbors=3, weights="distance", add_indicator=True),
        KNNImputer(n_neighbors=500),
    ],
    ids=str,
)
def test_missing_numbers_become_those_of_the_nearest_rows(tmp_path: Path, imputer: Any) -> None:
    holed = np.where(GENERATOR.random(ROWS.shape) < 0.2, np.nan, ROWS)
    holed[:, 3] = np.nan  # a column without a number is left out
    model = make_pipeline(imputer, Ridge()).fit(holed, NUMBER)
    asked = np.vstack([holed, np.full((1, 4), np.nan), ROWS[:3]])
    found = served(converted(tmp_path, model)).run({"X": asked})["prediction"][:, 0]
    np.testing.assert_allclose(found, model.predict(asked), 1e-3, 1e-4)
