"""NVIDIA's stock gRPC client, unchanged, against the gRPC server."""

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from functions.inference.catalog import load_catalog
from functions.inference.observability import Observability
from functions.inference.rpc.server import create_server
from functions.inference.tensors import Array
from tests.contracts.wire.test_tritonclient import MODELS
from tests.worlds import settings_for

FLOATS = np.array([[0.1, -2]], np.float32)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    settings = settings_for(tmp_path_factory.mktemp("store"), MODELS)
    with ThreadPoolExecutor(2) as threads:
        server = create_server(load_catalog(settings), Observability(settings), threads, 1 << 24)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with triton.InferenceServerClient(f"127.0.0.1:{port}") as connected:
            yield connected
        server.stop(0).wait()


def tensor(name: str, array: Array, datatype: str = "FP32") -> Any:
    given = triton.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    return given


def test_the_server_and_its_models_are_live_and_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("floats", "2")
    assert client.get_server_metadata().name == "lading"
    assert {model.name for model in client.get_model_repository_index().models} == set(MODELS)


def test_metadata_tells_the_signature(client: Any) -> None:
    metadata = client.get_model_metadata("floats", as_json=True)
    assert metadata["versions"] == ["1", "2"]
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": ["-1", "2"]}]


@pytest.mark.parametrize(
    ("model", "array", "datatype"),
    [
        ("floats", FLOATS, "FP32"),
        ("halves", FLOATS.astype(np.float16), "FP16"),
        ("integers", np.array([-(2**63), 2**63 - 1]), "INT64"),
        ("flags", np.array([[True, False]]), "BOOL"),
        ("text", np.array(["né".encode(), b""], np.object_), "BYTES"),
        ("scalar", np.array(1.5, np.float32), "FP32"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tensors_of_every_kind_come_back(
    client: Any, model: str, array: Array, datatype: str
) -> None:
    answer = client.infer(model, [tensor("x", array, datatype)])
    assert np.array_equal(answer.as_numpy("y"), array)


def test_outputs_and_versions_are_chosen(client: Any) -> None:
    pair = [tensor(name, np.ones((1, 3), np.float32)) for name in ("a", "b")]
    answer = client.infer("simple", pair, outputs=[triton.InferRequestedOutput("sum")])
    assert [output.name for output in answer.get_response().outputs] == ["sum"]
    doubled = client.infer("doubled", [tensor("x", FLOATS)], model_version="2")
    assert np.array_equal(doubled.as_numpy("y"), 4 * FLOATS)


def test_a_stream_answers_each_request_and_goes_on_after_an_error(client: Any) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for model in ("floats", "nothing", "floats"):
        client.async_stream_infer(model, [tensor("x", FLOATS)])
    found = [answers.get(timeout=20) for _ in range(3)]
    client.stop_stream()
    assert [error is None for _, error in found] == [True, False, True]
    assert np.array_equal(found[2][0].as_numpy("y"), FLOATS)
    assert "nothing" in str(found[1][1])


def test_errors_have_grpcs_codes(client: Any) -> None:
    for model, array, code in (
        ("nothing", FLOATS, "NOT_FOUND"),
        ("floats", np.ones((1, 3), np.float32), "INVALID_ARGUMENT"),
    ):
        with pytest.raises(InferenceServerException) as caught:
            client.infer(model, [tensor("x", array)])
        assert caught.value.status() == f"StatusCode.{code}"
