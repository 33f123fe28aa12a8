"""The guide to the first steps, and the same steps for models of other frameworks."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from lading.model_packaging.confinement import unavailable
from tests.end_to_end.conftest import ROOT, lading, run, serving
from tests.support.frameworks import needs

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "docs/first-steps.md").read_text()
[SCRIPT] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line]
TRUSTED = ["--yes", *(["--unconfined"] if unavailable() else [])]

NUMBERS = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
SIGNS = (NUMBERS.sum(axis=1) > 0).astype(np.int64)


def test_the_guide(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    install, init, enter, serve, curl, *predicted, doctor = COMMANDS
    assert (install[:12], enter, serve) == ("pip install ", "cd churn", "lading serve")
    (tmp_path / "train.py").write_text(SCRIPT)
    run(tmp_path, sys.executable, "train.py")
    told = lading(tmp_path, *init.split()[1:], *TRUSTED)
    assert "age (number), balance (number), city (text), active (true or false)" in told
    assert "accuracy of 'leaves' in data/holdout.csv" in told
    project = tmp_path / "churn"
    with serving(project) as url:
        answer = run(project, *curl.replace("http://127.0.0.1:8080", url).split())
        assert json.loads(answer)["outputs"]["label"] in (["yes"], ["no"])
    for command in predicted:
        assert "label" in run(project, *command.split())
    assert "needed for" in run(project, *doctor.split())


def boosted(_: Path) -> list[str]:
    """An XGBoost model inside a pipeline of columns; rows beside it."""
    import joblib
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from xgboost import XGBClassifier

    rows = pd.DataFrame(NUMBERS[:, :2], columns=["width", "height"])
    rows["kind"] = np.where(NUMBERS[:, 2] > 0, "a", "b")
    columns = make_column_transformer((OrdinalEncoder(), ["kind"]), remainder="passthrough")
    joblib.dump(make_pipeline(columns, XGBClassifier(n_estimators=5)).fit(rows, SIGNS), "m.joblib")
    rows.assign(up=SIGNS).to_csv("holdout.csv", index=False)
    return ["m.joblib", *TRUSTED]


def network(_: Path) -> list[str]:
    """A Keras model with its rows."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")]
    keras.Sequential([keras.Input((4,)), *layers]).save("m.keras")
    np.savez("rows.npz", X=NUMBERS, y=SIGNS)
    return ["m.keras", "--data", "rows.npz"]


def sentiment(folder: Path) -> list[str]:
    """A Hugging Face classifier of texts."""
    from tests.model_packaging.transformers_folders import bert

    (folder / "m").mkdir()
    bert(folder / "m")
    return ["m"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
@pytest.mark.parametrize(
    "train",
    [
        pytest.param(boosted, marks=needs("boosting", "xgboost", "pandas")),
        pytest.param(network, marks=needs("tensorflow", "keras", "tensorflow", "tf2onnx")),
        pytest.param(sentiment, marks=needs("huggingface", "torch", "transformers")),
    ],
)
def test_two_commands_lead_to_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Callable[[Path], list[str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    lading(tmp_path, "init", "shop", "--name", "m", "--from", *train(tmp_path))
    project = tmp_path / "shop"
    with serving(project) as url:
        request = (project / "example.json").read_bytes()
        answer = httpx.post(f"{url}/m/predict", content=request, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"]
