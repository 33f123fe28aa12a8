"""A generator of clients, unchanged, reads openapi.json, and what it writes calls the service.

`openapi-python-client` runs in an environment of its own, whose locked requirements are in
`requirements/clients.txt`; `make test-long` installs them below `.lading/tools` once.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from lading.emulator.processes.own_environment import own_environment
from tests.contracts.wire.ways import under_uvicorn
from tests.emulator.harness import ROOT, TOOLS
from tests.support.worlds import STRING, add_sub, echo, settings_for

pytestmark = pytest.mark.long

MODELS = {"floats": echo(), "several": add_sub(), "texts": echo(STRING, ["n"])}
PATHS = {
    "plain_json.plain_predict": ("/predict", "Prediction"),
    "open_inference_protocol_v_2_triton_k_serve.open_inference_infer": (
        *("/v2/models/m/infer", "Inferred"),
    ),
    "tensor_flow_serving.tensorflow_serving_predict": (
        *("/v1/models/m:predict", "TensorflowServingPredictResponse200"),
    ),
}
"""A module of the generated client -> its path, and the class of its answer."""


@pytest.fixture(name="tools", scope="module")
def fixture_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of the generator's environment."""
    log = tmp_path_factory.mktemp("clients") / "install.log"
    return own_environment(TOOLS / "clients", ROOT / "requirements" / "clients.txt", log) / "bin"


def run(*command: str, folder: Path, tools: Path) -> str:
    environment = {
        "PATH": f"{tools}:/usr/bin:/bin",  # the generator calls ruff
        "PYTHONPATH": str(folder),
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "warning" not in done.stdout.lower(), done.stdout
    return done.stdout


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_generated_client_is_answered_with_what_the_server_sent(
    tmp_path: Path, tools: Path, name: str
) -> None:
    with under_uvicorn(settings_for(tmp_path / "models", {"m": {1: MODELS[name]}})) as address:
        url = f"http://{address}"
        document = httpx.get(f"{url}/openapi.json").json()
        (tmp_path / "openapi.json").write_text(json.dumps(document))
        generate = (str(tools / "openapi-python-client"), "generate", "--path", "openapi.json")
        options = ("--meta", "none", "--output-path", "generated")
        run(*generate, *options, folder=tmp_path, tools=tools)
        sent = {module: example(document, path) for module, (path, _) in PATHS.items()}
        asking = str(Path(__file__).with_name("generated_asking.py"))
        words = (asking, "generated", url, json.dumps(sent))
        found = json.loads(run(str(tools / "python"), *words, folder=tmp_path, tools=tools))
        for module, (path, kind) in PATHS.items():
            assert found[module]["kind"] == kind
            right = httpx.post(f"{url}{path}", json=sent[module]).json()
            assert found[module]["answer"] == right


def example(document: dict[str, Any], path: str) -> Any:
    """The request that the document shows."""
    content = document["paths"][path]["post"]["requestBody"]["content"]
    return content["application/json"]["example"]
