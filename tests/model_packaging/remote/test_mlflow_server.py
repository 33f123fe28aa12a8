"""Addresses of MLflow against MLflow's own server, with a store of files that it proxies."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from lading.emulator.processes.own_environment import own_environment
from lading.emulator.processes.ports import free_port
from tests.support.interpreter import ROOT

pytest.importorskip("mlflow")

pytestmark = [pytest.mark.slow, pytest.mark.long]

TOOLS = ROOT / ".lading" / "tools" / "mlflow-server"
LOG = """
import mlflow, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
frame = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 10, "city": ["Oslo", "Rome"] * 20})
columns = [("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(), ["city"])]
model = make_pipeline(ColumnTransformer(columns), LogisticRegression())
model.fit(frame, [0, 0, 1, 1] * 10)
named = {"input_example": frame.head(1)}
with mlflow.start_run() as run:
    mlflow.sklearn.log_model(model, name="model", registered_model_name="churn", **named)
    mlflow.sklearn.log_model(
        model, name="pickled", registered_model_name="pickled",
        serialization_format="cloudpickle", **named
    )
mlflow.MlflowClient().set_registered_model_alias("churn", "champion", 1)
print(run.info.run_id)
"""


@pytest.fixture(scope="module")
def python() -> Path:
    TOOLS.mkdir(parents=True, exist_ok=True)
    locked = ROOT / "requirements" / "mlflow-server.txt"
    return own_environment(TOOLS / "venv", locked, TOOLS / "pip.log") / "bin" / "python"


@pytest.fixture(scope="module")
def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    files = ["--artifacts-destination", str(folder / "files"), "--serve-artifacts"]
    command = ["-m", "mlflow", "server", "--port", str(port), "--workers", "1", *store, *files]
    with ExitStack() as running:
        log = running.enter_context((folder / "server.log").open("wb"))
        served = running.enter_context(
            subprocess.Popen([python, *command], cwd=folder, stdout=log, stderr=log)
        )
        running.callback(served.terminate)
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=9), timeout=120) as http:
            assert http.get(f"{url}/health").status_code == 200, (folder / "server.log").read_text()
        yield url


def test_a_model_that_was_logged_is_packaged_by_each_of_its_addresses(
    python: Path, server: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": server, "DO_NOT_TRACK": "1"}

    def run(program: Path | str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    logged = run(python, "-c", LOG)
    assert logged.returncode == 0, logged.stderr
    run_id = logged.stdout.split()[-1]
    sources = {
        "alias": "models:/churn@champion",
        "version": "models:/churn/1",
        "run": f"runs:/{run_id}/model",
        "pickled": "models:/pickled/1",
    }
    models = {name: {"source": source} for name, source in sources.items()}
    (tmp_path / "models.yaml").write_text(json.dumps({"models": models}))
    packaged = run(sys.executable, "-m", "lading.cli.main", "package", "--json")
    found = {each["model"]: each for each in json.loads(packaged.stdout)}
    assert "trust: true" in found.pop("pickled")["error"]["message"]
    for name, each in found.items():
        assert each.get("version") == 1, (name, packaged.stderr)
        place = tmp_path / each["location"]
        inputs = json.loads((place / "artifact.json").read_text())["inputs"]
        assert [(it["name"], it["datatype"]) for it in inputs] == [
            ("age", "FP64"),
            ("city", "BYTES"),
        ]
        first = json.loads((place / "golden.json").read_text())["requests"][0]
        assert [it["data"] for it in first["inputs"]] == [[20.0], ["Oslo"]]
    lock = json.loads((tmp_path / "models.lock.json").read_text())
    assert lock["alias"]["source"]["revision"] == "models:/churn/1"
    assert len({lock[name]["source"]["digest"] for name in ("alias", "version")}) == 1
