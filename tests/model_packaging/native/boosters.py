"""Small boosted models of every kind that is served without a conversion."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes, load_iris

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.quiet import quiet

ROUNDS = 6


def _numbers() -> tuple[Array, Array]:
    rows, truth = load_diabetes(return_X_y=True)
    return rows, truth


def early_stopped(folder: Path) -> Path:
    """A classifier of three classes, saved by an estimator that stopped early."""
    import xgboost

    rows, truth = load_iris(return_X_y=True)
    made = xgboost.XGBClassifier(n_estimators=40, early_stopping_rounds=1, learning_rate=1.0)
    made.fit(rows[::2], truth[::2], eval_set=[(rows[1::2], truth[1::2])], verbose=False)
    assert made.best_iteration + 1 < made.get_booster().num_boosted_rounds()
    made.save_model(folder / "early.json")
    return folder / "early.json"


def softmax(folder: Path) -> Path:
    """A plain Booster that answers the number of a class alone."""
    import xgboost

    rows, truth = load_iris(return_X_y=True)
    data = xgboost.DMatrix(rows, truth, feature_names=list("abcd"))
    options = {"objective": "multi:softmax", "num_class": 3}
    xgboost.train(options, data, ROUNDS).save_model(folder / "softmax.ubj")
    return folder / "softmax.ubj"


def labels(folder: Path) -> Path:
    """A classifier of several labels for each row."""
    import xgboost

    rows, truth = load_iris(return_X_y=True)
    several = np.stack([truth > 0, truth > 1], axis=1).astype(int)
    made = xgboost.XGBClassifier(n_estimators=ROUNDS).fit(rows, several)
    made.save_model(folder / "labels.json")
    return folder / "labels.json"


def linear(folder: Path) -> Path:
    """A linear booster."""
    import xgboost

    made = xgboost.XGBRegressor(booster="gblinear", n_estimators=ROUNDS).fit(*_numbers())
    made.save_model(folder / "linear.ubj")
    return folder / "linear.ubj"


def two_classes(folder: Path) -> Path:
    """A classifier of two classes, by LightGBM."""
    import lightgbm

    rows, truth = load_iris(return_X_y=True)
    made = lightgbm.LGBMClassifier(n_estimators=ROUNDS, verbose=-1).fit(rows, truth > 0)
    made.booster_.save_model(folder / "two.txt")
    return folder / "two.txt"


def linear_trees(folder: Path) -> Path:
    """Trees with a linear model in each leaf, which have no ONNX form."""
    import lightgbm

    rows, truth = _numbers()
    options: dict[str, Any] = {"linear_tree": True, "verbose": -1, "num_leaves": 5}
    data = lightgbm.Dataset(rows, truth, params=options)
    lightgbm.train(options, data, ROUNDS).save_model(folder / "linear_trees.txt")
    return folder / "linear_trees.txt"


BOOSTERS: dict[str, Callable[[Path], Path]] = {
    each.__name__: each
    for each in (early_stopped, softmax, labels, linear, two_classes, linear_trees)
}


def make(kind: str, folder: Path) -> Path:
    """Train a model of a kind, and return its file."""
    with quiet():
        return BOOSTERS[kind](folder)
