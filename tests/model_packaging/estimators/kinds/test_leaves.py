from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import Birch, KMeans
from sklearn.decomposition import PCA
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, OneClassSVM

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import (
    CLASS,
    NAMES,
    NUMBER,
    ROWS,
    TWO,
    agrees,
    converted,
    named,
)


def dot(rows: Array, others: Array) -> Array:
    """A kernel of the user."""
    return np.asarray(rows @ others.T)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (GaussianMixture(2, random_state=0), None),
        (make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0)), None),
        (make_pipeline(StandardScaler(), PCA(2, whiten=True), SVC()), NAMES),
        (make_pipeline(StandardScaler(), OneClassSVM()), None),
        (make_pipeline(StandardScaler(), KMeans(3, n_init=1, random_state=0)), None),
        (GaussianProcessRegressor(alpha=0.1, random_state=0), NUMBER),
        (SVC(), TWO.astype(bool)),
        (LogisticRegression(), TWO.astype(float)),
    ],
    ids=named,
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, target)


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (GaussianProcessClassifier(), "a GaussianProcessClassifier, which .*; train an SVC or"),
        (SVC(kernel=dot), "a SVC with the kernel 'custom', .* train it with one of linear, poly"),
        (OneClassSVM(kernel=dot), "a OneClassSVM with the kernel 'custom'"),
        (Birch(), "has a Birch, which is not supported"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_has_no_right_form_is_refused_by_name(
    tmp_path: Path, estimator: Any, text: str
) -> None:
    with pytest.raises(ConversionError, match=text) as caught:
        converted(tmp_path, estimator.fit(ROWS, CLASS))
    assert "\n" not in str(caught.value)
