from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble
from sklearn.ensemble import HistGradientBoostingClassifier

from tests.model_packaging.estimators.kinds.columns import FULL, GENERATOR, HOLED, TARGET
from tests.model_packaging.estimators.packaging import converted, served


@pytest.mark.parametrize("frame", [FULL, HOLED], ids=["full", "holed"])
def test_histograms_take_the_categories_of_a_frame(tmp_path: Path, frame: Any) -> None:
    typed = frame[["city", "age"]].astype({"city": "category"})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype")
    converted(tmp_path, model.fit(typed, TARGET), city="BYTES", age="FP32")


def test_histograms_split_by_categories_missing_and_unknown_ones_too(tmp_path: Path) -> None:
    rows = np.stack([GENERATOR.integers(0, 9, 160), GENERATOR.normal(size=160)], axis=1)
    rows[::9, 0] = np.nan
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=8, categorical_features=[0], min_samples_leaf=4
    ).fit(rows, (np.nan_to_num(rows[:, 0]) % 2) + (rows[:, 1] > 0))
    conversion = converted(tmp_path, model)
    asked = np.array([[0, 0], [8, 0], [3, 1], [np.nan, 0], [20, 0], [-1, 0], [300, 0]], np.float64)
    found = served(conversion).run({"X": asked})
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(asked), 1e-4, 1e-5)
