"""What the cloud needs to train a model again: an error names what is missing, and where."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.manifest.retraining import require_retrainable

TRAIN: dict[str, Any] = {
    "entry": "train.py",
    "channels": {"train": "s3://rows/train", "fixed": "data"},
    "image": "000000000000.dkr.ecr.{region}.amazonaws.com/ours:1",
    "schedule": "rate(7 days)",
}
ACCURACY = {"data": "holdout.csv", "metric": "accuracy", "max_drop": 0.05}


def read(folder: Path, train: dict[str, Any], **model: Any) -> ModelSpec:
    entry = {"train": {k: v for k, v in train.items() if v is not None}, **model}
    (folder / "models.yaml").write_text(yaml.safe_dump({"models": {"m": entry}}))
    return load_manifest(folder / "models.yaml").models["m"]


def test_a_model_with_data_in_s3_an_image_and_a_gate_can_be_trained_again(tmp_path: Path) -> None:
    spec = read(tmp_path, TRAIN, accuracy=ACCURACY)
    assert require_retrainable(spec) == spec.train
    assert spec.train is not None
    assert spec.train.retrains


def test_an_alarm_starts_it_and_on_is_a_key_although_yaml_reads_true(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(
        "models:\n  m:\n    train:\n      entry: train.py\n      on: drift\n      alarm: drifted\n"
    )
    train = load_manifest(tmp_path / "models.yaml").models["m"].train
    assert train is not None
    assert (train.on, train.alarm, train.retrains) == ("drift", "drifted", True)


@pytest.mark.parametrize(
    ("keys", "model", "place", "reason"),
    [
        ({"image": None}, {}, "train.image", "is missing; to train in the cloud"),
        ({"channels": {"train": "data"}}, {}, "train.channels", "names no data in S3"),
        ({"channels": None}, {}, "train.channels", "names no data in S3"),
        ({}, {"accuracy": None}, "accuracy", "is missing; its rows hold a new version"),
        (
            {
                "metrics": {"a": "a=(.)"},
                "search": {"ranges": {"n": [1]}, "trials": 1, "metric": "a"},
            },
            {},
            "train.search",
            "is a search, not one training",
        ),
    ],
)
def test_what_is_missing_is_told_with_its_place(
    tmp_path: Path, keys: dict[str, Any], model: dict[str, Any], place: str, reason: str
) -> None:
    given = {key: each for key, each in {"accuracy": ACCURACY, **model}.items() if each}
    spec = read(tmp_path, {**TRAIN, **keys}, **given)
    with pytest.raises(ManifestError) as caught:
        require_retrainable(spec)
    assert caught.value.key == f"models.m.{place}"
    assert caught.value.reason.startswith(reason)


def test_a_model_that_is_not_trained_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: {m: {source: m.onnx}}")
    with pytest.raises(ManifestError, match=r"models\.m\.train: is missing"):
        require_retrainable(load_manifest(tmp_path / "models.yaml").models["m"])


@pytest.mark.parametrize(
    ("keys", "place", "reason"),
    [
        ({"on": "drift"}, "train", "needs alarm, the name of a CloudWatch alarm, beside on"),
        ({"alarm": "drifted"}, "train", "needs on: drift beside alarm"),
        ({"on": "drift", "alarm": "a\nb"}, "train.alarm", "must be the name of a CloudWatch alarm"),
        ({"on": "monday"}, "train.on", "must be 'drift'"),
        ({"schedule": "rate(1 week)"}, "train.schedule", "must be a schedule that AWS accepts"),
        ({"schedule": "cron(0 3 * * * *)"}, "train.schedule", "must have ? in the day of"),
        ({"schedule": "at(2026-12-01T03:00:00)"}, "train.schedule", "such as rate(7 days)"),
    ],
)
def test_a_trigger_that_aws_would_refuse_is_refused_with_its_place(
    tmp_path: Path, keys: dict[str, Any], place: str, reason: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, {**TRAIN, "schedule": None, **keys}, accuracy=ACCURACY)
    assert caught.value.key == f"models.m.{place}"
    assert reason in caught.value.reason
