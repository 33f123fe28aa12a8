from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, RegressorChain

from lading.functions.inference.tensors.conversion import Array
from tests.model_packaging.estimators.packaging import NUMBER, ROWS, SEVERAL, agrees, named


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (OneVsRestClassifier(LogisticRegression()), SEVERAL),
        (ClassifierChain(LogisticRegression(), order=[1, 0]), SEVERAL),
        (ClassifierChain(LogisticRegression(), chain_method="predict_proba"), SEVERAL),
        (RegressorChain(Ridge(), order=[1, 0]), ROWS[:, :2]),
        (TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1), NUMBER + 9),
    ],
    ids=named,
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, target)
