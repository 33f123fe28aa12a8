"""Stock clients, unchanged, get explanations: Triton's over HTTP and gRPC, curl as TorchServe's.

TorchServe has no client of its own for explanations: its manual asks with curl, and its gRPC
service has predictions alone. KServe's client is in `test_kserve_client.py`.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from tritonclient.utils import InferenceServerException

from lading.emulator.grpc_server import serving_grpc
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.http_server import Listening
from lading.functions.inference.loading.catalog import load_catalog
from tests.contracts.wire.ways import under_uvicorn
from tests.support.explained import explained_settings, recorded, weighing

X = np.array([[1, 2, 3], [0, 0, 0]], np.float32)
PARAMETERS = {"explain": True, "explain_parameters": '{"target": 1}'}


@pytest.fixture(name="settings", scope="module")
def fixture_settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    models = {"m": (weighing(), recorded()), "unexplained": (weighing(), None)}
    return explained_settings(tmp_path_factory.mktemp("models"), models)


@pytest.fixture(name="client", scope="module", params=["http", "grpc"])
def fixture_client(request: Any, settings: ServingSettings) -> Iterator[tuple[Any, Any]]:
    """A client's module, and a client of a server."""
    if request.param == "http":
        with under_uvicorn(settings) as address, over_http.InferenceServerClient(address) as client:
            yield over_http, client
        return
    log = Path(settings.model_root) / "grpc.log"
    catalog, where = load_catalog(settings), Listening("127.0.0.1", 0)
    with (
        serving_grpc(catalog, where, log=log) as port,
        over_grpc.InferenceServerClient(f"127.0.0.1:{port}") as client,
    ):
        yield over_grpc, client


def explanations(client: tuple[Any, Any], model: str = "m", **asked: Any) -> list[Any]:
    """What the client gets for both rows."""
    module, connected = client
    given = module.InferInput("x", [2, 3], "FP32")
    given.set_data_from_numpy(X)
    answer = connected.infer(model, [given], **asked)
    return [json.loads(text) for text in answer.as_numpy("explanation")]


def test_an_output_that_is_named_explains_each_row(client: tuple[Any, Any]) -> None:
    outputs = [client[0].InferRequestedOutput("explanation")]
    first, second = explanations(client, outputs=outputs)
    assert (first["values"], first["prediction"]) == ({"x": [0.5, 5.5, 4.5]}, 13.0)
    assert (second["values"], second["prediction"]) == ({"x": [-0.5, -1.0, -1.0]}, 0.0)


def test_a_parameter_explains_each_row_and_may_choose_the_value(client: tuple[Any, Any]) -> None:
    first, _ = explanations(client, parameters=PARAMETERS)
    assert (first["target"], first["values"]) == (1, {"x": [-0.5, 0.0, 0.0]})


def test_a_model_without_explanations_is_an_error_of_the_client(client: tuple[Any, Any]) -> None:
    with pytest.raises(InferenceServerException, match="does not support explanations") as caught:
        explanations(client, "unexplained", parameters=PARAMETERS)
    assert caught.value.status() in ("501", "StatusCode.UNIMPLEMENTED")


@pytest.mark.parametrize("option", ["-T", "-F", "--data-binary"])
@pytest.mark.parametrize("version", ["", "/1.0"])
def test_curl_asks_as_torchserves_manual_says(
    settings: ServingSettings, tmp_path: Path, option: str, version: str
) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(X.tolist()))
    given = {"-T": f"{sample}", "-F": f"data=@{sample}", "--data-binary": f"@{sample}"}[option]
    with under_uvicorn(settings) as address:
        url = f"http://{address}/explanations/m{version}"
        command = ["curl", "--silent", "--fail-with-body", url, option, given]
        done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout) == [[0.5, 5.5, 4.5], [-0.5, -1.0, -1.0]]
