"""Java's own HttpClient, which offers HTTP/2 by `Upgrade: h2c` with each first request."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contracts.wire.ways import Way, container, emulated
from tests.emulator.harness import LINUX_ONLY
from tests.support.worlds import echo, settings_for

pytestmark = pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK")

PREDICT = Path(__file__).with_name("Predict.java")


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(container, id="container"),
        pytest.param(emulated("process"), id="emulator"),
        pytest.param(emulated("lambda"), id="lambda", marks=LINUX_ONLY),
    ],
)
@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/predict", '{"inputs": [[1, 2]]}', '"outputs":{"y":[[1.0,2.0]]}}'),
        ("/v1/models/m:predict", '{"instances": [[1, 2]]}', '{"predictions":[[1.0,2.0]]}'),
    ],
)
def test_javas_client_keeps_its_body(
    tmp_path: Path, way: Way, path: str, body: str, answer: str
) -> None:
    with way(settings_for(tmp_path, {"m": {1: echo()}})) as address:
        command = ["java", str(PREDICT), f"http://{address}{path}", body]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    answers = ran.stdout.splitlines()
    assert [each[:4] + each[-len(answer) :] for each in answers] == [f"200 {answer}"] * 3, (
        ran.stderr
    )
