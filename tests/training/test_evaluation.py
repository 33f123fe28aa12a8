"""The comparison of two versions: metrics, intervals, slices, and the proposed label."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from onnx import helper

from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import Artifact
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.measure.change import ConfidenceInterval, Intervals
from lading.training.errors import TrainingError
from lading.training.evaluation import ComparedMetric, decide, evaluate
from lading.training.page import render_evaluation
from tests.support.worlds import FLOAT, onnx_model, write_artifact

ROWS = 200


def line(weight: float) -> bytes:
    """`p = sigmoid(weight * x)`, one column of probabilities."""
    constant = helper.make_node(
        "Constant", [], ["w"], value=helper.make_tensor("w", FLOAT, [1], [weight])
    )
    nodes = (
        constant,
        helper.make_node("Mul", ["x", "w"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["p"]),
    )
    at = {"x": (FLOAT, ["batch", 1])}
    return onnx_model(at, {"p": (FLOAT, ["batch", 1])}, *nodes)


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    generator = np.random.default_rng(3)
    x = generator.normal(size=ROWS)
    y = (x + generator.normal(size=ROWS) * 0.3 > 0).astype(int)
    country = np.where(np.arange(ROWS) % 4 == 0, "at", "de")
    lines = [f"{a},{b},{c}" for a, b, c in zip(x, country, y, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["x,country,y", *lines]))
    return written(tmp_path, promote="not_worse", slices=["country"], metrics=["accuracy"])


def written(folder: Path, **evaluated: Any) -> ModelSpec:
    entry = {
        "source": "m.onnx",
        "accuracy": {"data": "rows.csv", "metric": "accuracy", "max_drop": 0.05},
        "evaluate": evaluated,
    }
    (folder / "models.yaml").write_text(yaml.safe_dump({"models": {"m": entry}}))
    return load_manifest(folder / "models.yaml").models["m"]


def artifact(folder: Path, model: bytes) -> Artifact:
    place = folder / sha256(model)[7:19]
    write_artifact(place, "m", 1, model)
    [path] = place.rglob("artifact.json")
    return read_artifact(path.parent)


def compared(spec: ModelSpec, folder: Path, before: float, after: float) -> Any:
    return evaluate(spec, artifact(folder, line(before)), artifact(folder, line(after)), (1, 2))


def test_the_same_answers_lose_nothing(spec: ModelSpec, tmp_path: Path) -> None:
    found = compared(spec, tmp_path, 1.0, 2.0)
    [accuracy] = found.compared
    assert accuracy.drop == 0
    assert accuracy.rows == ROWS
    assert accuracy.intervals.drop == ConfidenceInterval(0.0, 0.0)
    assert found.decision.label == "stable"


def test_a_worse_challenger_is_only_a_candidate(spec: ModelSpec, tmp_path: Path) -> None:
    found = compared(spec, tmp_path, 1.0, -1.0)
    assert found.compared[0].drop > 0.5
    assert found.decision.label == "candidate"
    assert "does not exclude a loss above 0.05" in found.decision.reason


def test_slices_have_the_rows_of_each_value(spec: ModelSpec, tmp_path: Path) -> None:
    found = compared(spec, tmp_path, 1.0, -1.0)
    assert [(each.value, each.rows) for each in found.slices] == [("de", 150), ("at", 50)]
    parts = [each.compared[0] for each in found.slices]
    whole = sum(each.before * each.rows for each in parts) / ROWS
    assert whole == pytest.approx(found.compared[0].before)


def test_confusion_and_calibration_are_of_both(spec: ModelSpec, tmp_path: Path) -> None:
    found = compared(spec, tmp_path, 1.0, -1.0)
    right, wrong = (np.array(each.counts) for each in found.confusion)
    assert right.sum() == wrong.sum() == ROWS
    assert np.trace(right) == ROWS - np.trace(wrong)
    assert found.calibration[0].error < found.calibration[1].error


def test_the_page_shows_everything_and_loads_nothing(spec: ModelSpec, tmp_path: Path) -> None:
    page = render_evaluation(compared(spec, tmp_path, 1.0, -1.0))
    for part in ("version 2 against 1", "By country", "Confusion matrix", "Calibration", "<svg"):
        assert part in page
    assert "http" not in page.replace("http-equiv", "")


def test_other_rows_may_be_given(spec: ModelSpec, tmp_path: Path) -> None:
    lines = (tmp_path / "rows.csv").read_text().splitlines()[:101]
    (tmp_path / "other.csv").write_text("\n".join(lines))
    assert spec.accuracy is not None
    other = replace(spec, accuracy=replace(spec.accuracy, data=tmp_path / "other.csv"))
    assert compared(other, tmp_path, 1.0, 2.0).compared[0].rows == 100


def test_rows_of_one_class_are_an_error(spec: ModelSpec, tmp_path: Path) -> None:
    rows = [f"0.{number},de,1" for number in range(10, 60)]
    (tmp_path / "rows.csv").write_text("\n".join(["x,country,y", *rows]))
    with pytest.raises(DataUnusable, match=r"models.yaml:\d+: .*accuracy.data: .*only one class"):
        compared(spec, tmp_path, 1.0, 2.0)


def test_an_unknown_slice_is_an_error(spec: ModelSpec, tmp_path: Path) -> None:
    wrong = written(tmp_path, slices=["town"])
    rows = [f"{number % 7 - 3},{number % 2}" for number in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["x,y", *rows]))
    with pytest.raises(DataUnusable, match=r"evaluate.slices: .* has no column 'town'; it has x"):
        compared(wrong, tmp_path, 1.0, 2.0)


def test_without_rows_in_the_manifest_there_is_no_comparison(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: {m: {source: m.onnx}}")
    spec = load_manifest(tmp_path / "models.yaml").models["m"]
    with pytest.raises(TrainingError, match=r"models.m.accuracy: is missing; it names the rows"):
        compared(spec, tmp_path, 1.0, 2.0)


def measured(low: float, high: float, rows: int = 1000) -> ComparedMetric:
    drop = ConfidenceInterval(low, high)
    return ComparedMetric("accuracy", 0.9, 0.9, (low + high) / 2, rows, Intervals(drop, drop, drop))


@pytest.mark.parametrize(
    ("promote", "low", "high", "rows", "label"),
    [
        ("never", -0.2, -0.1, 1000, None),
        ("not_worse", -0.01, 0.01, 1000, "stable"),
        ("not_worse", -0.01, 0.02, 1000, "stable"),
        ("not_worse", -0.01, 0.021, 1000, "candidate"),
        ("not_worse", -0.01, 0.01, 149, "candidate"),
        ("better", -0.02, -0.01, 1000, "stable"),
        ("better", -0.02, 0.0, 1000, "candidate"),
        ("better", -0.02, 0.01, 1000, "candidate"),
    ],
)
def test_the_rule_decides_the_label(
    promote: str, low: float, high: float, rows: int, label: str | None
) -> None:
    assert decide(measured(low, high, rows), promote, 0.02).label == label


def test_too_few_rows_for_an_interval_make_a_candidate() -> None:
    few = replace(measured(0, 0, 10), intervals=None)
    assert decide(few, "better", 0.02).label == "candidate"
    assert decide(few, "never", 0.02).label is None


def test_a_comparison_is_json(spec: ModelSpec, tmp_path: Path) -> None:
    assert json.loads(json.dumps(asdict(compared(spec, tmp_path, 1.0, 2.0))))["model"] == "m"
