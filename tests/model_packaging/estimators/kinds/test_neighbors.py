from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import (
    CLASS,
    NAMES,
    NUMBER,
    ROWS,
    SEVERAL,
    agrees,
    converted,
    named,
)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (KNeighborsClassifier(weights="distance"), NAMES),
        (KNeighborsClassifier(metric="chebyshev"), CLASS),
        (KNeighborsClassifier(), SEVERAL),
        (KNeighborsRegressor(weights="distance", metric="minkowski", p=3), NUMBER),
        (KNeighborsRegressor(metric="cosine"), ROWS[:, :2]),
    ],
    ids=named,
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, target)


@pytest.mark.parametrize(
    ("estimator", "text"),
    [(KNeighborsClassifier(weights=np.abs), "KNeighborsClassifier with custom weights")],
)
def test_an_estimator_without_a_right_form_is_refused_by_name(
    tmp_path: Path, estimator: Any, text: str
) -> None:
    with pytest.raises(ConversionError, match=text):
        converted(tmp_path, estimator.fit(ROWS, CLASS))
