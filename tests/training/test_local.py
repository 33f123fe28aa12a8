"""Trainings on this machine."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lading.training.errors import ScriptFailed, TrainingError
from lading.training.local import train_here
from lading.training.output import ignore_lines
from lading.training.recipe import Recipe
from lading.training.runs import Run, find_run
from tests.support.interpreter import ROOT
from tests.support.worlds import times
from tests.training.conftest import SCRIPT, NoObjects, Project, recipe

CHECKPOINT = """
import os, sys, time
from pathlib import Path
saved = Path(os.environ["SM_CHECKPOINT_DIR"]) / "step"
if not saved.exists():
    saved.write_text("1")
    print("ready", flush=True)
    time.sleep(600)
print("resumed auc=0.9")
(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx").write_bytes(b"model")
"""

DRIVER = """
import sys
from pathlib import Path
from lading.model_packaging.manifest.models import load_manifest
from lading.training.local import train_here
from lading.training.recipe import read_recipe
spec = load_manifest(Path("models.yaml")).models["m"]
train_here(read_recipe(spec, None), None, lambda line: print(line, flush=True))
"""


def train(wanted: Recipe) -> Run:
    return train_here(wanted, NoObjects(), ignore_lines)


def test_the_model_and_what_made_it_are_kept(project: Project) -> None:
    lines: list[str] = []
    run = train_here(recipe(project()), NoObjects(), lines.append)
    assert lines == ["epoch 1: auc=0.5", "epoch 2: auc=0.2"]
    assert (run.model / "model.onnx").read_bytes() == times(2)
    made = run.record()
    assert made["metrics"] == {"auc": 0.2}
    assert made["parameters"] == {"factor": 2, "seed": 7}
    assert made["machine"]["instance"] == "local"
    assert made["seconds"] > 0
    assert "epoch 2" in run.log.read_text()


def test_the_same_recipe_is_not_trained_again(project: Project) -> None:
    wanted = recipe(project())
    first = train(wanted)
    lines: list[str] = []
    assert train_here(wanted, NoObjects(), lines.append) == first
    assert lines == []


def test_a_script_cannot_change_the_data(project: Project, tmp_path: Path) -> None:
    script = SCRIPT + "(Path(os.environ['SM_CHANNEL_TRAIN']) / 'new.csv').write_text('1')\n"
    train(recipe(project(script)))
    assert not (tmp_path / "data/new.csv").exists()


def test_a_failure_says_why_with_the_last_lines(project: Project) -> None:
    script = "print('reading')\nraise ValueError('no column churned')"
    wanted = recipe(project(script))
    with pytest.raises(ScriptFailed) as raised:
        train(wanted)
    text = str(raised.value)
    assert "models.m.train.entry: train.py failed with exit code 1; nothing is published" in text
    assert "    reading\n" in text
    assert text.endswith("ValueError: no column churned")
    assert find_run(wanted) is None


def test_a_killed_script_is_a_failure(project: Project) -> None:
    script = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ScriptFailed, match="was ended by SIGKILL, perhaps for lack of memory"):
        train(recipe(project(script)))


def test_no_model_is_an_error(project: Project) -> None:
    wanted = recipe(project("print('auc=1')"))
    with pytest.raises(TrainingError, match=r"train.entry: train.py left no model; write it to"):
        train(wanted)
    assert find_run(wanted) is None


def test_two_models_are_an_error(project: Project) -> None:
    script = SCRIPT + "(Path(os.environ['SM_MODEL_DIR']) / 'b.onnx').write_text('b')\n"
    with pytest.raises(TrainingError, match=r"left 2 files: b.onnx, model.onnx; leave one model"):
        train(recipe(project(script)))


def test_the_files_of_one_folder_model_are_one_model(project: Project) -> None:
    script = (
        "import os\nfrom pathlib import Path\nprint('auc=1')\n"
        "for name in ('config.json', 'model.safetensors'):\n"
        "    (Path(os.environ['SM_MODEL_DIR']) / name).write_text('{}')\n"
    )
    assert train(recipe(project(script))).model.is_dir()


def test_a_metric_that_never_appears_is_an_error(project: Project) -> None:
    spec = project(metrics={"auc": "auc=([0-9.]+)", "f1": "f1=([0-9.]+)"})
    with pytest.raises(TrainingError, match=r"train.metrics.f1: 'f1=.*' matched no number"):
        train(recipe(spec))
    assert find_run(recipe(spec)) is None


def test_ctrl_c_stops_the_script_and_the_next_training_continues(
    project: Project, tmp_path: Path
) -> None:
    spec = project(CHECKPOINT)
    command = [sys.executable, "-c", DRIVER]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"ready\n"
        driver.send_signal(signal.SIGINT)
        driver.communicate()
    assert find_run(recipe(spec)) is None
    lines: list[str] = []
    train_here(recipe(spec), NoObjects(), lines.append)
    assert lines == ["resumed auc=0.9"]


def test_the_script_ends_when_the_program_that_waits_for_it_is_killed(
    project: Project, tmp_path: Path
) -> None:
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    script = (
        f"import time\nheld = open({str(fifo)!r}, 'w')\nprint('ready', flush=True)\ntime.sleep(600)"
    )
    project(script)
    with (
        subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as driver,
        fifo.open("rb") as held,
    ):
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"ready\n"
        driver.kill()
        assert held.read() == b""  # its end: the script is gone
