"""The requests of `tests/contracts/wire/test_every_way.py`, answered by what is deployed.

A function serves the version labelled `stable` alone, so the cases that name another are left out.
"""

import json
from collections.abc import Iterator

import httpx
import numpy as np
import openai
import pytest

from cli.emulate import create_token, deploy
from emulator.cloud import EmulatedCloud
from model_packaging.lock import LocalCopy, LockedVersion, record
from stacks.settings import load_deployment
from tests.contracts.wire.test_every_way import CASES, MODELS
from tests.worlds import settings_for

OTHER_VERSIONS = ("a version", "a plain version", "a prediction of 2.0")


@pytest.fixture(scope="module")
def api(cloud: EmulatedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of every model of the suite, each in a stack of its own, with a token."""
    folder = tmp_path_factory.mktemp("wire")
    settings = settings_for(folder / "artifacts", MODELS)
    lock, manifest, stages = (folder / name for name in ("lock.json", "models.yaml", "stages.yaml"))
    for model in settings.models:
        for version, digest in model.versions.items():
            stores = (LocalCopy(path="artifacts"),)
            locked = LockedVersion(identity=digest, digest=digest, stores=stores)
            labels = [label for label, at in model.labels.items() if at == version]
            record(lock, model.name, version, locked, labels)
    sources = "".join(f"  {name}: {{source: {name}.onnx}}\n" for name in MODELS)
    manifest.write_text(f"models:\n{sources}")
    stages.write_text("stages: {wire: {}}\n")
    deployment = load_deployment(stages, "wire", local=True)
    url = deploy(cloud, deployment, manifest, lock)
    bearer = f"Bearer {create_token(cloud, deployment)}"
    with httpx.Client(base_url=url, headers={"Authorization": bearer}, timeout=60) as client:
        yield client


@pytest.mark.parametrize("what", [each for each in CASES if each not in OTHER_VERSIONS])
def test_a_request_is_answered_as_everywhere(api: httpx.Client, what: str) -> None:
    path, document, status, part = CASES[what]
    headers = {"content-type": "application/json"}
    answer = api.post(path, content=json.dumps(document).encode(), headers=headers)
    assert (answer.status_code, part in answer.content) == (status, True), answer.content


@pytest.mark.parametrize("path", ["/v2/models/floats/infer", "/floats/v2/models/floats/infer"])
def test_binary_tensors_pass_unharmed(api: httpx.Client, path: str) -> None:
    raw = np.array([[1, 2]], "<f4").tobytes()
    headers = {
        "inference-header-content-length": "0",
        "content-type": "application/octet-stream",
        "accept": "*/*",
    }
    answer = api.post(path, content=raw, headers=headers)
    length = int(answer.headers["inference-header-content-length"])
    assert (answer.status_code, answer.content[length:]) == (200, raw)


def test_a_version_that_is_not_stable_is_not_found(api: httpx.Client) -> None:
    answer = api.post("/v1/models/doubled/versions/2:predict", json={"instances": [[1]]})
    assert answer.status_code == 404


def test_tritons_index_at_the_root_lists_every_model(api: httpx.Client) -> None:
    entries = api.post("/v2/repository/index", json={"ready": True}).json()
    assert {entry["name"] for entry in entries} == set(MODELS)
    assert {entry["state"] for entry in entries} == {"READY"}
    told = api.get("/v2/models/stats").json()["model_stats"]
    assert {each["name"] for each in told} == set(MODELS)


def test_the_stock_openai_client_lists_the_models(api: httpx.Client) -> None:
    token = api.headers["authorization"].removeprefix("Bearer ")
    with openai.OpenAI(base_url=f"{api.base_url}v1", api_key=token, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == sorted(MODELS)
