"""The contract of training containers: variables, flags, output, failures, the record."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lading.training import contract

SHOW = """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(),
                  "env": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}))
"""


def base_with(
    tmp_path: Path, script: str, hyperparameters: dict[str, str] | None = None, **channels: str
) -> Path:
    """A folder as SageMaker lays out /opt/ml, with this script in its channel `code`."""
    base = tmp_path / "ml"
    config, code = base / "input/config", base / "input/data/code"
    config.mkdir(parents=True)
    code.mkdir(parents=True)
    resources = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
    resources |= {"current_instance_type": "ml.m5.xlarge"}
    files: dict[str, Any] = {
        "hyperparameters.json": hyperparameters or {},
        "inputdataconfig.json": {name: {} for name in ("code", *channels)},
        "resourceconfig.json": resources,
    }
    for name, document in files.items():
        (config / name).write_text(json.dumps(document))
    for name, text in channels.items():
        (base / "input/data" / name).mkdir()
        (base / "input/data" / name / "rows.csv").write_text(text)
    shutil.copy(contract.__file__, code / contract.NAME)
    (code / "train.py").write_text(script)
    return base


def run(base: Path) -> "subprocess.CompletedProcess[str]":
    program = str(base / "input/data/code" / contract.NAME)
    return subprocess.run(
        [sys.executable, program, "train.py"], capture_output=True, text=True, check=False
    )


def shown(base: Path) -> dict[str, Any]:
    finished = run(base)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    document: dict[str, Any] = json.loads(finished.stdout)
    return document


def test_hyperparameters_are_flags_and_variables(tmp_path: Path) -> None:
    given = {"max_depth": "6", "learning-rate": "1e-3", "kind": "tree", "_tuning_metric": "auc"}
    seen = shown(base_with(tmp_path, SHOW, given))
    assert seen["argv"] == ["--max_depth", "6", "--learning-rate", "1e-3", "--kind", "tree"]
    env = seen["env"]
    assert (env["SM_HP_MAX_DEPTH"], env["SM_HP_LEARNING_RATE"]) == ("6", "1e-3")
    assert json.loads(env["SM_HPS"]) == {"max_depth": 6, "learning-rate": 0.001, "kind": "tree"}
    assert "SM_HP__TUNING_METRIC" not in env


def test_folders_and_channels_are_below_the_base(tmp_path: Path) -> None:
    base = base_with(tmp_path, SHOW, train="1", validation="2")
    seen = shown(base)
    env = seen["env"]
    assert env["SM_CHANNEL_TRAIN"] == str(base / "input/data/train")
    assert json.loads(env["SM_CHANNELS"]) == ["train", "validation"]
    assert env["SM_MODEL_DIR"] == str(base / "model")
    assert env["SM_OUTPUT_DATA_DIR"] == str(base / "output/data")
    assert env["SM_CHECKPOINT_DIR"] == str(base / "checkpoints")
    assert "SM_CHANNEL_CODE" not in env
    assert seen["cwd"] == env["SM_SOURCE_DIR"] == str(base / "input/data/code")
    for name in ("SM_MODEL_DIR", "SM_OUTPUT_DATA_DIR", "SM_CHECKPOINT_DIR"):
        assert Path(env[name]).is_dir()


def test_the_host_is_described(tmp_path: Path) -> None:
    env = shown(base_with(tmp_path, SHOW))["env"]
    assert env["SM_CURRENT_HOST"] == env["SM_MASTER_ADDR"] == "algo-1"
    assert (env["SM_HOST_COUNT"], env["SM_CURRENT_HOST_RANK"]) == ("1", "0")
    assert env["SM_CURRENT_INSTANCE_TYPE"] == "ml.m5.xlarge"
    assert int(env["SM_NUM_CPUS"]) >= 1
    assert json.loads(env["SM_TRAINING_ENV"])["model_dir"] == env["SM_MODEL_DIR"]


def test_a_failure_leaves_the_end_of_the_output_in_the_failure_file(tmp_path: Path) -> None:
    script = "print('x' * 5000)\nraise SystemExit('no column churned')"
    base = base_with(tmp_path, script)
    finished = run(base)
    failure = (base / "output/failure").read_text()
    assert finished.returncode == 1
    assert failure.startswith("exit code 1: ")
    assert failure.endswith("no column churned")
    assert len(failure) <= 1024


def test_a_scripts_own_failure_file_stays(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "pathlib.Path(os.environ['SM_OUTPUT_FAILURE']).write_text('mine')\nsys.exit(3)"
    )
    base = base_with(tmp_path, script)
    assert run(base).returncode == 3
    assert (base / "output/failure").read_text() == "mine"


def test_a_killed_script_is_a_failure_that_names_the_signal(tmp_path: Path) -> None:
    base = base_with(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert run(base).returncode == 128 + signal.SIGKILL
    assert (base / "output/failure").read_text().startswith("ended by SIGKILL")


def test_a_request_to_stop_reaches_the_script(tmp_path: Path) -> None:
    script = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("saved a checkpoint"), sys.exit(0)))
print("ready", flush=True)
while True:
    time.sleep(60)
"""
    base = base_with(tmp_path, script)
    program = str(base / "input/data/code" / contract.NAME)
    with subprocess.Popen(
        [sys.executable, program, "train.py"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.read() == "saved a checkpoint\n"
        assert process.wait() == 0


def test_a_trial_is_started_by_its_image_and_has_checkpoints_of_its_own(tmp_path: Path) -> None:
    given = {"tethered": "1", "sagemaker_program": contract.NAME, "_tuning_objective_metric": "a"}
    base = base_with(tmp_path, SHOW, given)
    (base / "code").mkdir()
    program = shutil.copy(base / "input/data/code" / contract.NAME, base / "code")
    found = subprocess.run(
        [sys.executable, program, "--tethered", "1"],
        env={**os.environ, contract.ENTRY: "train.py", "TRAINING_JOB_NAME": "trial-1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    seen = json.loads(found.stdout)
    assert seen["argv"] == ["--tethered", "1"]
    assert seen["cwd"] == str(base / "input/data/code")
    assert seen["env"]["SM_CHECKPOINT_DIR"] == str(base / "checkpoints/trial-1")


def test_the_record_says_how_long_on_what_and_with_which_libraries(tmp_path: Path) -> None:
    base = base_with(tmp_path, "import numpy.linalg\nimport json")
    assert run(base).returncode == 0
    record = json.loads((base / "output/data" / contract.RECORD).read_text())
    assert record["libraries"] == {"numpy": __import__("numpy").__version__}
    assert record["seconds"] > 0
    assert record["machine"]["instance"] == "ml.m5.xlarge"
    assert record["machine"]["cpus"] >= 1


def test_the_record_has_the_processor_time_of_the_script_and_its_children(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {busy!r}])\n{busy}"
    base = base_with(tmp_path, script)
    assert run(base).returncode == 0
    record = json.loads((base / "output/data" / contract.RECORD).read_text())
    assert record["processor_seconds"] >= 0.6


@pytest.mark.parametrize("broken", ["def", "\0"])
def test_code_that_cannot_be_parsed_names_no_libraries(tmp_path: Path, broken: str) -> None:
    (tmp_path / "train.py").write_text(broken)
    assert contract.libraries(tmp_path) == {}
