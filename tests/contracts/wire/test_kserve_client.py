"""KServe's own client, unchanged, gets explanations: `kserve` in an environment of its own.

Its locked requirements are in `requirements/kserve.txt`. They are 400 MB, which `make test-long`
installs below `.lading/tools` once.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lading.emulator.processes.own_environment import own_environment
from tests.contracts.wire.ways import under_uvicorn
from tests.emulator.harness import ROOT, TOOLS
from tests.support.explained import explained_settings, recorded, weighing

pytestmark = pytest.mark.long


@pytest.fixture(name="answers", scope="module")
def fixture_answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the client gets of a server."""
    root = tmp_path_factory.mktemp("models")
    locked = ROOT / "requirements" / "kserve.txt"
    environment = own_environment(TOOLS / "kserve", locked, root / "install.log")
    models = {"m": (weighing(), recorded()), "unexplained": (weighing(), None)}
    asking = Path(__file__).with_name("kserve_asking.py")
    with under_uvicorn(explained_settings(root, models)) as address:
        command = [str(environment / "bin" / "python"), str(asking), f"http://{address}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_v1_gets_predictions_and_an_explanation_of_each_row(answers: Any) -> None:
    assert answers["v1"]["predictions"] == [[13.0, -1.0], [0.0, -0.0]]
    first, second = answers["v1"]["explanations"]
    assert (first["values"], first["prediction"]) == ({"x": [0.5, 5.5, 4.5]}, 13.0)
    assert (second["values"], second["prediction"]) == ({"x": [-0.5, -1.0, -1.0]}, 0.0)


def test_a_model_without_explanations_is_an_error_of_the_client(answers: Any) -> None:
    assert answers["refused"].startswith("HTTPStatusError: ")
    assert "501" in answers["refused"]


def test_v2_gets_an_extra_output_that_a_parameter_asks_for(answers: Any) -> None:
    assert answers["v2"]["y"] == [13.0, -1.0, 0.0, -0.0]
    first = json.loads(answers["v2"]["explanation"][0])
    assert first["values"] == {"x": [0.5, 5.5, 4.5]}
