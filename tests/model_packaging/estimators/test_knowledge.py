from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.model import Fitted, fitted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape

NAMES = [f"c{place}" for place in range(60)]


class Counted:
    """An estimator's answers, and how often it was called."""

    def __init__(self, given: Fitted) -> None:
        self.calls = 0
        self._ask = given.answer.ask
        self.given = replace(given, answer=replace(given.answer, ask=self.ask))

    def ask(self, rows: Any) -> dict[str, Array]:
        self.calls += 1
        return self._ask(rows)


@pytest.fixture(scope="module")
def estimator() -> Pipeline:
    """A forest behind scaled columns of different sizes."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(80, len(NAMES))) * generator.uniform(0.1, 100, len(NAMES)) + 5
    scaled = ColumnTransformer([("scaled", StandardScaler(), NAMES)])
    forest = RandomForestRegressor(3, random_state=0)
    return make_pipeline(scaled, forest).fit(pd.DataFrame(rows, columns=NAMES), rows[:, 0])


@pytest.fixture
def counted(estimator: Pipeline) -> Counted:
    inputs = {name: InputShape(("batch",)) for name in NAMES}
    spec = ModelSpec("m", Path("m.joblib"), inputs=inputs)
    return Counted(fitted(spec, estimator))


def test_scaled_columns_cost_a_few_calls_each(counted: Counted) -> None:
    counted.given.converted(np.float64, frozenset(NAMES))
    assert counted.calls < 10 * len(NAMES)


def test_what_was_learned_is_not_asked_again(counted: Counted) -> None:
    counted.given.converted(np.float32, frozenset())
    before = counted.calls
    counted.given.converted(np.float64, frozenset())
    assert counted.calls == before


def test_the_ends_of_a_scaled_column_are_those_of_the_estimator(counted: Counted) -> None:
    conversion, _ = counted.given.converted(np.float64, frozenset(NAMES))
    for name in (NAMES[0], NAMES[-1]):
        for end in conversion.domains[name].bounds[-1]:
            rows = {each: np.zeros(1) for each in NAMES}
            assert np.isfinite(conversion.reference({**rows, name: np.array([end])})["prediction"])
            with pytest.raises(ValueError, match="float32"):
                conversion.reference({**rows, name: np.array([end * (1 + 1e-12)])})
