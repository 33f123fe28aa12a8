import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, NuSVC

from lading.functions.inference.tensors.conversion import Array
from tests.model_packaging.estimators.packaging import (
    CLASS,
    GENERATOR,
    NAMES,
    SEVERAL,
    TWO,
    agrees,
    converted,
    named,
    served,
)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (LinearDiscriminantAnalysis(), TWO),
        (LinearDiscriminantAnalysis(), NAMES),
        (make_pipeline(LinearDiscriminantAnalysis(n_components=1), LogisticRegression()), CLASS),
        (MLPClassifier((4,), max_iter=20, random_state=0), SEVERAL),
    ],
    ids=named,
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, target)


@pytest.mark.parametrize(
    "estimator",
    [
        SVC(break_ties=True),
        SVC(break_ties=True, probability=True),
        NuSVC(nu=0.3, break_ties=True),
        CalibratedClassifierCV(SVC(probability=True)),
    ],
    ids=str,
)
def test_votes_of_pairs_that_tie_are_broken_as_the_original_does(
    tmp_path: Path, estimator: Any
) -> None:
    rows, target = make_blobs(120, 2, centers=6, cluster_std=4.0, random_state=1)
    with warnings.catch_warnings(action="ignore"):  # `probability` is deprecated
        answer = served(converted(tmp_path, estimator.fit(rows, target))).run
    far = 30 * GENERATOR.normal(size=(1000, 2))
    np.testing.assert_array_equal(answer({"X": far})["label"], estimator.predict(far))
