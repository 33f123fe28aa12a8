from pathlib import Path
from typing import Any

import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import LinearSVC

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import CLASS, ROWS, agrees, converted, named


@pytest.mark.parametrize(
    ("estimator", "target"),
    [(CalibratedClassifierCV(LinearSVC(), method="isotonic"), CLASS)],
    ids=named,
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, target)


@pytest.mark.parametrize(
    ("estimator", "text"),
    [(CalibratedClassifierCV(LinearSVC(), method="temperature"), "calibrated by 'temperature'")],
)
def test_an_estimator_without_a_right_form_is_refused_by_name(
    tmp_path: Path, estimator: Any, text: str
) -> None:
    with pytest.raises(ConversionError, match=text):
        converted(tmp_path, estimator.fit(ROWS, CLASS))
