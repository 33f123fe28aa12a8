"""The federated example, with Flower's own processes."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "federated"


def descent() -> ModuleType:
    """The module of the app that needs nothing of Flower's."""
    path = EXAMPLE / "app" / "hospitals" / "logistic.py"
    spec = importlib.util.spec_from_file_location("logistic", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_many_steps_end_where_scikit_learn_ends() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 3))
    classes = (rows @ [1.0, -2.0, 0.5] + 0.3 * rows[:, 0] ** 2 > 0).astype(float)
    app = descent()
    start = app.Weights(np.zeros(3), np.zeros(1))
    found = app.descend(start, rows, classes, steps=5000, rate=0.5)
    expected = LogisticRegression(C=1 / (app.PENALTY * len(rows)), tol=1e-8).fit(rows, classes)
    assert found.coefficients == pytest.approx(expected.coef_[0], abs=1e-4)
    assert found.intercept == pytest.approx(expected.intercept_, abs=1e-4)


@pytest.mark.slow
@pytest.mark.long
def test_what_three_hospitals_learn_apart_is_packaged_and_answers(tmp_path: Path) -> None:
    folder = tmp_path / "federated"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("*.npz", "*.skops"))
    command = [sys.executable, str(folder / "train.py"), "--rounds", "2"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "2 rounds over 3 hospitals" in printed
    [spec] = load_manifest(folder / "models.yaml").select()
    packaged = package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    assert packaged.accuracy is not None
    assert packaged.accuracy.after > 0.95
    predictor = open_onnx(read_artifact(Path(packaged.location), packaged.digest), 1)
    with np.load(folder / "holdout.npz") as held:
        answers = predictor.predict({"measurements": held["X"]})
        assert (answers["label"] == held["y"]).mean() == pytest.approx(packaged.accuracy.after)
