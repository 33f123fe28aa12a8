from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
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

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import Array
from tests.model_packaging.estimators.packaging import (
    GENERATOR,
    NUMBER,
    ROWS,
    TWO,
    agrees,
    converted,
    named,
    served,
)


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (make_pipeline(PowerTransformer(), Ridge()), NUMBER),
        (make_pipeline(QuantileTransformer(n_quantiles=100), Ridge()), NUMBER),
        (QuantileTransformer(n_quantiles=7), None),
        (make_pipeline(KBinsDiscretizer(4), LogisticRegression()), TWO),
        (make_pipeline(Normalizer("max"), LogisticRegression()), TWO),
    ],
    ids=named,
)
def test_estimators_answer_as_the_original_does(
    tmp_path: Path, estimator: Any, target: Array | None
) -> None:
    agrees(tmp_path, estimator, target)


def test_numbers_that_a_logarithm_does_not_take_are_refused_when_served(tmp_path: Path) -> None:
    size = np.exp(ROWS)
    model = make_pipeline(FunctionTransformer(np.log), Ridge()).fit(size, NUMBER)
    answer = served(converted(tmp_path, model)).run
    np.testing.assert_allclose(
        answer({"X": size})["prediction"][:, 0], model.predict(size), 1e-3, 1e-4
    )
    with pytest.raises(InvalidInput, match=r"holds -1.0; the model accepts numbers from"):
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
    with pytest.raises(InvalidInput, match="the model accepts numbers from"):
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
