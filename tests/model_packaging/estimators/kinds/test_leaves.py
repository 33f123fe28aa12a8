import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import Birch, KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, RegressorChain
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, NuSVC, OneClassSVM

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import converted, served

GENERATOR = np.random.default_rng(2)
ROWS = GENERATOR.normal(size=(120, 4))
NUMBER = ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2]
CLASS, TWO = np.digitize(NUMBER, [-0.5, 0.7]), (NUMBER > 0).astype(int)
SEVERAL = np.stack([CLASS > 0, TWO], axis=1).astype(int)


def dot(rows: Array, others: Array) -> Array:
    """A kernel of the user."""
    return np.asarray(rows @ others.T)


NAMES = np.array(["low", "middle", "high"])[CLASS]


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (KNeighborsClassifier(weights="distance"), NAMES),
        (KNeighborsClassifier(metric="chebyshev"), CLASS),
        (KNeighborsClassifier(), SEVERAL),
        (KNeighborsRegressor(weights="distance", metric="minkowski", p=3), NUMBER),
        (KNeighborsRegressor(metric="cosine"), ROWS[:, :2]),
        (LinearDiscriminantAnalysis(), TWO),
        (LinearDiscriminantAnalysis(), NAMES),
        (make_pipeline(LinearDiscriminantAnalysis(n_components=1), LogisticRegression()), CLASS),
        (MLPClassifier((4,), max_iter=20, random_state=0), SEVERAL),
        (OneVsRestClassifier(LogisticRegression()), SEVERAL),
        (ClassifierChain(LogisticRegression(), order=[1, 0]), SEVERAL),
        (ClassifierChain(LogisticRegression(), chain_method="predict_proba"), SEVERAL),
        (RegressorChain(Ridge(), order=[1, 0]), ROWS[:, :2]),
        (GaussianMixture(2, random_state=0), None),
        (make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0)), None),
        (make_pipeline(SimpleImputer(add_indicator=True), Ridge()), NUMBER),
        (make_pipeline(PowerTransformer(), Ridge()), NUMBER),
        (make_pipeline(QuantileTransformer(n_quantiles=100), Ridge()), NUMBER),
        (QuantileTransformer(n_quantiles=7), None),
        (make_pipeline(KBinsDiscretizer(4), LogisticRegression()), TWO),
        (make_pipeline(Normalizer("max"), LogisticRegression()), TWO),
        (make_pipeline(StandardScaler(), PCA(2, whiten=True), SVC()), NAMES),
        (CalibratedClassifierCV(LinearSVC(), method="isotonic"), CLASS),
        (TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1), NUMBER + 9),
        (make_pipeline(StandardScaler(), OneClassSVM()), None),
        (make_pipeline(StandardScaler(), KMeans(3, n_init=1, random_state=0)), None),
        (GaussianProcessRegressor(alpha=0.1, random_state=0), NUMBER),
        (SVC(), TWO.astype(bool)),
        (LogisticRegression(), TWO.astype(float)),
    ],
    ids=lambda value: str(value) if hasattr(value, "fit") else "",
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    with warnings.catch_warnings(action="ignore"):  # few iterations are enough here
        estimator.fit(ROWS, target)
    converted(tmp_path, estimator)


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


def test_numbers_that_a_logarithm_does_not_take_are_refused_when_served(tmp_path: Path) -> None:
    size = np.exp(ROWS)
    model = make_pipeline(FunctionTransformer(np.log), Ridge()).fit(size, NUMBER)
    answer = served(converted(tmp_path, model)).run
    np.testing.assert_allclose(
        answer({"X": size})["prediction"][:, 0], model.predict(size), 1e-3, 1e-4
    )
    with pytest.raises(InvalidInput, match=r"holds -1.0; the model takes numbers from"):
        answer({"X": -np.ones((1, 4))})


@pytest.mark.parametrize(
    ("curve", "edge"),
    [
        (FunctionTransformer(np.log), 0.0),
        (FunctionTransformer(np.log1p), -1.0),
        (PowerTransformer("box-cox"), 0.0),
    ],
    ids=str,
)
def test_the_edge_of_a_logarithm_is_refused_when_served(
    tmp_path: Path, curve: Any, edge: float
) -> None:
    size = np.exp(ROWS)
    model = make_pipeline(curve, Ridge()).fit(size, NUMBER)
    row = np.array([[1, edge, 1, 1]], np.float32)
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=r"infinity|positive"):
        model.predict(row)
    with pytest.raises(InvalidInput, match="the model takes numbers from"):
        served(converted(tmp_path, model)).run({"X": row})


@pytest.mark.parametrize(
    "steps",
    [[LinearRegression()], [PolynomialFeatures(2), StandardScaler(), Ridge()]],
    ids=["linear", "polynomial"],
)
def test_the_size_of_numbers_is_known_without_a_scaler_in_front(
    tmp_path: Path, steps: list[Any]
) -> None:
    moments = np.stack([1.7e12 + GENERATOR.integers(0, 60_000, 120), ROWS[:, 0]], axis=1)
    target = (moments[:, 0] - 1.7e12) / 1000 + ROWS[:, 0]
    conversion = converted(tmp_path, make_pipeline(*steps).fit(moments, target))
    assert served(conversion).inputs[0].datatype == "FP64"


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


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (GaussianProcessClassifier(), "a GaussianProcessClassifier, which .*; train an SVC or"),
        (SVC(kernel=dot), "a SVC with the kernel 'custom', .* train it with one of linear, poly"),
        (OneClassSVM(kernel=dot), "a OneClassSVM with the kernel 'custom'"),
        (make_pipeline(KNNImputer(weights=np.abs), Ridge()), "KNNImputer with a metric or weights"),
        (Birch(), "has a Birch, which is not supported"),
        (KNeighborsClassifier(weights=np.abs), "KNeighborsClassifier with weights of its own"),
        (make_pipeline(FunctionTransformer(np.unwrap), Ridge()), "a FunctionTransformer of unwrap"),
        (CalibratedClassifierCV(LinearSVC(), method="temperature"), "calibrated by 'temperature'"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_has_no_right_form_is_refused_by_name(
    tmp_path: Path, estimator: Any, text: str
) -> None:
    with pytest.raises(ConversionError, match=text) as caught:
        converted(tmp_path, estimator.fit(ROWS, CLASS))
    assert "\n" not in str(caught.value)
