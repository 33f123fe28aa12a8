"""A server of this process, and both clients of it: every answer is the model's own."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lading
from lading.api.errors import NothingLocked
from lading.api.serving import LocalServer
from lading.emulator.gateway.api import Access
from lading.functions.contract.errors import LabelNotFound, ModelNotFound, VersionNotFound

ROWS = np.array([[1.0, 0.5], [np.nan, -2.0]], np.float32)


@pytest.fixture(scope="module")
def lock(published: Path) -> Path:
    return published / "models.lock.json"


@pytest.fixture(scope="module")
def server(lock: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with lading.serve(lock=lock, log=tmp_path_factory.mktemp("log") / "serve.log") as running:
        yield running


def test_an_answer_over_http_is_that_of_the_loaded_model(server: LocalServer, lock: Path) -> None:
    answer = server.predict("double", ROWS)
    assert (answer.model, answer.version) == ("double", 1)
    np.testing.assert_array_equal(answer["y"], ROWS * 2)
    np.testing.assert_array_equal(answer["y"], lading.load("double", lock=lock).predict(ROWS)["y"])
    assert answer["y"].dtype == np.float32


def test_clients_of_asyncio_get_the_same(server: LocalServer) -> None:
    async def ask() -> list[lading.Answer]:
        async with lading.AsyncClient(server.url) as client:
            return await asyncio.gather(*[client.predict("double", ROWS * n) for n in range(5)])

    for n, answer in enumerate(asyncio.run(ask())):
        np.testing.assert_array_equal(answer["y"], ROWS * n * 2)


def test_the_signature_is_asked_for_once(lock: Path, tmp_path: Path) -> None:
    seen: list[Access] = []
    with lading.serve("double", lock=lock, log=tmp_path / "l", on_access=seen.append) as server:
        for _ in range(3):
            server.predict("double", ROWS)
    paths = [each.path for each in seen]
    assert paths == ["/models/double", *["/v2/models/double/versions/1/infer"] * 3]


def test_versions_and_labels_are_chosen(server: LocalServer) -> None:
    assert server.predict("double", ROWS, version=1).version == 1
    assert server.predict("double", ROWS, label="stable").version == 1
    with pytest.raises(VersionNotFound):
        server.predict("double", ROWS, version=2)
    with pytest.raises(LabelNotFound):
        server.predict("double", ROWS, label="canary")
    with pytest.raises(ValueError, match="either version or label"):
        server.predict("double", ROWS, version=1, label="stable")


def test_a_model_that_is_not_served_is_named(server: LocalServer) -> None:
    with pytest.raises(ModelNotFound, match="triple"):
        server.predict("triple", ROWS)


def test_models_are_described(server: LocalServer) -> None:
    (listed,) = server.client.models()
    assert listed == server.client.describe("double")
    assert listed["versions"][0]["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, -1]}]


def test_any_route_can_be_called(server: LocalServer) -> None:
    answer = server.client.request("/double/predict", {"inputs": [[1, 2]]})
    assert json.loads(answer.body)["outputs"] == {"y": [[2.0, 4.0]]}
    assert server.client.request("/nowhere").status == 404


def test_a_server_without_models_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(NothingLocked), lading.serve(lock=tmp_path / "models.lock.json"):
        pass
