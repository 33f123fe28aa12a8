"""Rows with holes, trees, and the comparison of each row."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn import ensemble
from sklearn.tree import DecisionTreeClassifier

from lading.functions.inference.tensors.conversion import Array
from tests.model_packaging.estimators.packaging import converted, served

GENERATOR = np.random.default_rng(7)
FULL = GENERATOR.normal(size=(160, 4))
HOLED = np.where(GENERATOR.random(FULL.shape) < 0.15, np.nan, FULL)
NUMBER = FULL[:, 0] * 3 + FULL[:, 1] ** 2
CLASS = np.digitize(NUMBER, [0.0, 2.0])
TWO = (CLASS > 0).astype(int)
SEVERAL = np.stack([CLASS > 0, CLASS > 1], axis=1).astype(int)

Tree, Forest = DecisionTreeClassifier(max_depth=4), ensemble.RandomForestClassifier(6)
Histogram = ensemble.HistGradientBoostingClassifier(max_iter=6, min_samples_leaf=4)


def agrees(folder: Path, estimator: Any, rows: Array, target: Array | None) -> None:
    """The conversion agrees on rows of all kinds, and of these rows on every single one."""
    estimator.fit(rows, target)
    conversion = converted(folder, estimator)
    wide = rows.astype(conversion.known["X"].dtype or np.float32)
    wanted, found = conversion.reference({"X": wide}), served(conversion).run({"X": wide})
    for name, original in wanted.items():
        np.testing.assert_allclose(found[name], original, rtol=1e-4, atol=1e-5)
