"""A packaged model has what its explanations need, and its report says which features matter."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import BACKGROUND, REPORT
from lading.functions.inference.explaining.asking import explained
from lading.functions.inference.models.predictor import EXPLANATION
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.explaining import ExplainSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import linear_spec, rows, weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a packaged linear model with explanations."""
    root = tmp_path_factory.mktemp("explained")
    spec = linear_spec(root, explain=ExplainSpec(background=20))
    packaged = package(spec, LocalStore(root / "store"), root / "models.lock.json")
    return Path(packaged.location)


def test_the_artifact_has_background_rows_under_its_digests(folder: Path) -> None:
    artifact = read_artifact(folder)
    assert artifact.specification["explain"] == {
        "method": "shapley",
        "output": "scores",
        "budget": 1 << 18,
    }
    assert BACKGROUND in artifact.specification["files"]
    (x,) = json.loads(artifact.files[BACKGROUND])
    chosen = np.array(x["data"], np.float32).reshape(x["shape"])
    assert chosen.shape == (20, 16)
    assert all((row == rows()).all(axis=1).any() for row in chosen)


def test_the_served_model_explains_its_answers(folder: Path) -> None:
    predictor = open_onnx(read_artifact(folder), 1)
    model = explained(predictor, {"target": 2}, {})
    x = rows()[:2]
    recorded = predictor.recorded
    assert recorded is not None
    centered = x - recorded.background["x"].mean(axis=0)
    for row, text in enumerate(model.predict({"x": x})[EXPLANATION]):
        told = json.loads(text)
        expected = centered[row] * weights()[:, 2]
        np.testing.assert_allclose(told["values"]["x"], expected, atol=1e-5)
        np.testing.assert_allclose(told["standard_error"]["x"], 0, atol=1e-5)
        total = told["base_value"] + sum(told["values"]["x"])
        assert total == pytest.approx(told["prediction"], abs=1e-6)


def test_the_report_has_importances_and_partial_dependence(folder: Path) -> None:
    section = json.loads((folder / REPORT).read_bytes())["explanations"]
    drops = [each["drop"] for each in section["importances"]]
    assert len(drops) == 10
    assert drops == sorted(drops, reverse=True)
    assert all(each["low"] <= each["drop"] <= each["high"] for each in section["importances"])
    assert [each["feature"] for each in section["dependence"]] == [
        each["feature"] for each in section["importances"][:3]
    ]
    for each in section["dependence"]:
        xs, means = np.array(each["points"])[:, 0], np.array(each["points"])[:, 1]
        column = int(each["feature"][2:-1])
        slopes = np.diff(means) / np.diff(xs)
        np.testing.assert_allclose(slopes, weights()[column, each["target"]], rtol=1e-3)


def refusal(folder: Path, **changes: Any) -> str:
    spec = linear_spec(folder, **changes)
    with pytest.raises(ManifestError) as caught:
        package(spec, LocalStore(folder / "store"), folder / "models.lock.json")
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"explain": ExplainSpec(), "gated": False}, "needs rows beside which answers are"),
        ({"explain": ExplainSpec(output="y")}, "needs an output of numbers"),
        ({"explain": ExplainSpec(method="occlusion")}, "occlusion needs one input of image"),
        ({"explain": ExplainSpec(features={"a": (16,)})}, "has column 16, but the last one is 15"),
        ({"explain": ExplainSpec(budget=100)}, "must be at least 123 for 16 features"),
    ],
    ids=["rows", "output", "method", "features", "budget"],
)
def test_what_does_not_fit_the_model_names_its_key(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(tmp_path, **changes)
