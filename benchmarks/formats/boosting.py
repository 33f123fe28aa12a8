"""XGBoost and LightGBM: trees, which no scheme makes smaller."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from benchmarks.formats.entry import Entry
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec

_TEST = "tests/model_packaging/converters/test_boosting.py"
_MODEL = "100 trees, breast cancer"


def _trained(folder: Path, file: str) -> ModelSpec:
    rows, truth = load_breast_cancer(return_X_y=True)
    parts = train_test_split(rows.astype(np.float32), truth, test_size=0.5, random_state=0)
    train, held, train_truth, held_truth = parts
    np.savez(folder / "holdout.npz", X=held, y=held_truth)
    if file.endswith(".json"):
        from xgboost import XGBClassifier

        XGBClassifier(n_estimators=100, random_state=0).fit(train, train_truth).save_model(
            folder / file
        )
    else:
        from lightgbm import LGBMClassifier

        model = LGBMClassifier(n_estimators=100, random_state=0, verbose=-1)
        model.fit(train, train_truth).booster_.save_model(folder / file)
    gate = AccuracySpec(folder / "holdout.npz", "roc_auc", 0.01)
    return ModelSpec("cancer", folder / file, accuracy=gate)


ENTRIES = (
    Entry(
        "XGBoost, .json",
        _MODEL,
        lambda folder: _trained(folder, "model.json"),
        _TEST,
        ("xgboost", "onnx"),
    ),
    Entry(
        "LightGBM, .txt",
        _MODEL,
        lambda folder: _trained(folder, "model.txt"),
        _TEST,
        ("lightgbm", "onnx"),
    ),
)
