"""onnxruntime's telemetry is off in every process of ours: no event is sent, no file is written."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.interpreter import ROOT, proxy_event
from tests.support.worlds import echo, settings_for, times

pytestmark = pytest.mark.slow

STRACE = shutil.which("strace") or ""
TRACEABLE = bool(STRACE) and not subprocess.run([STRACE, "-qq", "true"], check=False).returncode

FIRST_EVENTS_SECONDS = 12
"""onnxruntime 1.32 sends its first events ten seconds after it was imported."""

PREDICT = """
import json, sys, time
from lading.functions.inference.entry.lambda_handler import handler
print(handler(json.loads(sys.argv[1]), None)["statusCode"])
time.sleep(float(sys.argv[2]))
"""

TRITON = """
import importlib.util, sys, types
sys.modules["triton_python_backend_utils"] = types.ModuleType("triton_python_backend_utils")
found = importlib.util.spec_from_file_location("model", sys.argv[1])
model = importlib.util.module_from_spec(found)
found.loader.exec_module(model)
model.TritonPythonModel().initialize({})
"""


def run(home: Path, *command: str, **environment: str) -> str:
    """What a process prints whose home is a new, empty folder."""
    home.mkdir()
    kept = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}
    return subprocess.run(
        command,
        env={**kept, "HOME": str(home), **environment},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


@pytest.mark.skipif(not TRACEABLE, reason="needs strace, and the right to trace a process")
def test_a_predicting_process_opens_no_socket(tmp_path: Path) -> None:
    environment = settings_for(tmp_path / "models", {"m": {1: echo()}}).to_environment()
    event = json.dumps(proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]}))
    trace = tmp_path / "trace"
    strace = (STRACE, "-f", "-qq", "-e", "trace=socket,connect,sendto,exit_group", "-o", str(trace))
    script = (sys.executable, "-c", PREDICT, event, str(FIRST_EVENTS_SECONDS))
    assert run(tmp_path / "home", *strace, *script, **environment).endswith("200\n")
    assert re.findall(r"\d+ +(\w+)\(", trace.read_text()) == ["exit_group"]


def test_a_predicting_process_writes_nothing_into_its_home(tmp_path: Path) -> None:
    environment = settings_for(tmp_path / "models", {"m": {1: echo()}}).to_environment()
    event = json.dumps(proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]}))
    home = tmp_path / "home"
    assert run(home, sys.executable, "-c", PREDICT, event, "0", **environment).endswith("200\n")
    assert not [*home.rglob("*")]


@pytest.mark.parametrize(
    "package",
    [
        "lading.functions.inference",
        "model_packaging",
        "lading.emulator.function.runtimes",
        "lading.cli.main",
    ],
)
def test_nothing_of_ours_lets_onnxruntime_start_it(tmp_path: Path, package: str) -> None:
    home = tmp_path / "home"
    run(home, sys.executable, "-c", f"import {package}, onnxruntime", ORT_DISABLE_TELEMETRY="0")
    assert not [*home.rglob("*")]


def test_packaging_and_its_measurements_write_nothing_into_the_home(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(times(2))
    (tmp_path / "models.yaml").write_text("models: {m: {source: model.onnx}}")
    home = tmp_path / "home"
    package = "import os; os.chdir('..'); from lading.cli.main import main; main(['package'])"
    run(home, sys.executable, "-c", package)
    assert [*tmp_path.rglob("artifacts/**/model.onnx")]
    assert not [*home.rglob("*")]


def test_tritons_python_model_does_not_start_it(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(echo())
    model = shutil.copy(ROOT / "emulator" / "engines" / "triton_model.py", tmp_path / "model.py")
    home = tmp_path / "home"
    run(home, sys.executable, "-c", TRITON, str(model))
    assert not [*home.rglob("*")]


def test_these_tests_do_not_start_it() -> None:
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
