import json
from pathlib import Path

import numpy as np
import pytest

from lading.model_packaging.lock.file import read_lock
from tests.cli.conftest import Lading, write_training

MANIFEST = """\
models:
  m:
    train:
      entry: train.py
      channels: {train: data}
      parameters: {factor: 2}
    accuracy: {data: holdout.npz, metric: mae, max_drop: 0.1}
    evaluate: {promote: better}
"""

SCRIPT = """\
import os, shutil, sys
from pathlib import Path
source = Path(os.environ["SM_CHANNEL_TRAIN"]) / f"times{sys.argv[2]}.onnx"
shutil.copy(source, Path(os.environ["SM_MODEL_DIR"]) / "model.onnx")
"""


@pytest.fixture
def training(workspace: Path) -> Path:
    """The workspace, with a model that a script makes; `times3` is right."""
    write_training(workspace, MANIFEST, SCRIPT)
    rows = np.arange(200, dtype=np.float32).reshape(100, 2)
    np.savez(workspace / "holdout.npz", x=rows, y=3 * rows)
    return workspace


@pytest.fixture
def retrained(training: Path, lading: Lading) -> Path:
    """The event of a retraining that is better than version 1, which serves."""
    assert lading("train", "m").code == 0
    manifest = training / "models.yaml"
    manifest.write_text(manifest.read_text().replace("factor: 2", "factor: 3"))
    result = lading("retrain", "m", "--json")
    assert result.code == 0, result.err
    (training / "event.json").write_text(result.out)
    return training / "event.json"


def labels(folder: Path) -> dict[str, int]:
    return dict(read_lock(folder / "models.lock.json").model("m").labels)


def test_here_it_trains_packages_without_a_label_and_compares(
    training: Path, retrained: Path
) -> None:
    event = json.loads(retrained.read_text())
    assert (event["model"], event["version"], event["against"]) == ("m", 2, 1)
    assert event["label"] == "stable", event["reason"]
    assert event["comparison"][0]["after"] == 0
    assert labels(training) == {"stable": 1}


def test_apply_shows_the_edit_and_makes_it(training: Path, retrained: Path, lading: Lading) -> None:
    dry = lading("retrain", "--apply", "event.json", "--dry-run")
    assert dry.code == 0, dry.err
    assert "m: stable is on version 2, before on 1" in dry.out
    assert '+      "stable": 2' in dry.out
    assert labels(training) == {"stable": 1}
    document = lading("retrain", "--apply", "event.json", "--json").document
    assert (document["written"], document["after"]) == (True, 2)
    assert labels(training) == {"stable": 2}
    assert lading("rollback", "m").code == 0
    assert labels(training) == {"stable": 1}


def test_another_label_may_be_set(training: Path, retrained: Path, lading: Lading) -> None:
    assert lading("retrain", "--apply", "event.json", "--label", "canary").code == 0
    assert labels(training) == {"stable": 1, "canary": 2}


def test_an_event_without_a_label_needs_one(retrained: Path, lading: Lading) -> None:
    retrained.write_text(json.dumps({**json.loads(retrained.read_text()), "label": None}))
    result = lading("retrain", "--apply", "event.json")
    assert result.code == 2
    assert "the event proposes no label for version 2 of model 'm'" in result.err


def test_an_event_of_a_version_that_nobody_can_read_changes_nothing(
    training: Path, retrained: Path, lading: Lading
) -> None:
    event = json.loads(retrained.read_text())
    retrained.write_text(json.dumps({**event, "version": 7}))
    before = (training / "models.lock.json").read_bytes()
    result = lading("retrain", "--apply", "event.json")
    assert result.code == 2
    assert "names no copy of it in S3" in result.err
    assert (training / "models.lock.json").read_bytes() == before


@pytest.mark.parametrize("words", [(), ("m", "--apply", "event.json")])
def test_either_a_model_or_an_event_is_given(
    training: Path, lading: Lading, words: tuple[str, ...]
) -> None:
    result = lading("retrain", *words)
    assert result.code == 2
    assert "give either the name of a model, or --apply" in result.err


def test_a_gate_that_is_missing_is_told_before_anything_is_compared(
    training: Path, lading: Lading
) -> None:
    text = MANIFEST[: MANIFEST.index("    accuracy")]
    (training / "models.yaml").write_text(text)
    result = lading("retrain", "m")
    assert result.code == 5
    assert "models.yaml:2: models.m.accuracy: is missing" in result.err
    assert not (training / "artifacts").exists()


def test_a_dry_run_of_a_training_trains_and_publishes_nothing(
    training: Path, lading: Lading
) -> None:
    dry = lading("retrain", "m", "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.out == "m would be trained by train.py on this machine, and get a new version\n"
    assert not (training / "artifacts").exists()
    assert not (training / ".lading").exists()
