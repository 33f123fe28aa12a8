"""Estimators of scikit-learn that no converter takes, in .skops files."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, TargetEncoder
from skops.io import dump

ROWS = 200
SPLINES = (
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
)
"""What splines need that skops does not trust."""
TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
"""A type that skops does not trust: scikit-learn follows its nodes without looking."""
TRUST = (*SPLINES, TREES)


def frame() -> pd.DataFrame:
    """Columns of texts, categories, and numbers, with missing values; the age needs float64."""
    source = np.random.default_rng(7)
    city = pd.Series(source.choice(["Graz", "Wien", "Linz"], ROWS), dtype=object)
    plan = pd.Series(source.choice(["free", "paid"], ROWS), dtype=object)
    age = source.uniform(0, 1e-6, ROWS) + 1e9
    visits = source.integers(0, 30, ROWS)
    found = pd.DataFrame({"city": city, "plan": plan, "age": age, "visits": visits})
    found.loc[::9, "city"] = np.nan
    found.loc[::11, "plan"] = np.nan
    found.loc[::7, "age"] = np.nan
    return found


@cache
def columns() -> Any:
    """A pipeline of mixed columns, fitted on a frame, once: its folds are random."""
    rows = frame()
    wanted = np.where((rows["city"] == "Graz") ^ (rows["visits"] > 14), "stays", "leaves")
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    numbers = make_pipeline(SimpleImputer(), SplineTransformer(4))
    steps = ColumnTransformer(
        [
            ("city", TargetEncoder(), ["city"]),
            ("plan", texts, ["plan"]),
            ("numbers", numbers, ["age", "visits"]),
        ],
        sparse_threshold=0,
    )
    return make_pipeline(steps, HistGradientBoostingClassifier(max_iter=8)).fit(rows, wanted)


def spline() -> Any:
    """A regressor of one matrix whose answer depends on float64."""
    from sklearn.linear_model import Ridge

    rows = 1e9 + np.random.default_rng(3).uniform(0, 1, (ROWS, 2))
    return make_pipeline(SplineTransformer(6), Ridge()).fit(rows, np.sin(9 * rows[:, 0]))


def saved(estimator: Any, folder: Path, name: str = "model.skops") -> Path:
    """Return the estimator's file."""
    path = folder / name
    dump(estimator, path)
    return path
