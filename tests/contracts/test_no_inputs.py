"""A model without inputs answers in every dialect that can call one."""

from pathlib import Path
from typing import Any

import pytest
import tritonclient.grpc as triton
import tritonclient.http as triton_http

from tests.contracts.wire.ways import Way, container, emulated, grpc_beside_the_emulator
from tests.support.driver import ask, serve
from tests.support.worlds import constant, settings_for

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/predict/m", {"inputs": {}}, b'"outputs":{"y":[[1.0,2.0]]}}'),
        ("/predict/m", {"inputs": []}, b'"outputs":{"y":[[1.0,2.0]]}}'),
        ("/v2/models/m/infer", {"inputs": []}, b'"data":[1.0,2.0]}]}'),
        ("/v2/models/m/infer", {}, b'"data":[1.0,2.0]}]}'),
        ("/v1/models/m:predict", {"inputs": {}}, b'{"outputs":[[1.0,2.0]]}'),
        ("/v1/models/m:predict", {"instances": [{}]}, b'{"predictions":[[1.0,2.0]]}'),
        ("/v1/models/m:classify", {"examples": [{}]}, b'{"results":[[["0",1.0],["1",2.0]]]}'),
        ("/predictions/m", b"", b"[[1.0,2.0]]"),
        ("/predictions/m", {}, b"[[1.0,2.0]]"),
        ("/predictions/m", [], b"[[1.0,2.0]]"),
        ("/m/invocations", {"inputs": []}, b'"data":[1.0,2.0]}]}'),
        ("/m/invocations", {"inputs": {}}, b'{"outputs":[[1.0,2.0]]}'),
        ("/m/invocations", {"instances": [{}]}, b'{"predictions":[[1.0,2.0]]}'),
    ],
)
def test_a_request_without_inputs_is_answered(
    tmp_path: Path, path: str, body: Any, answer: bytes
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: constant()}}))
    answered = ask(app, f"POST {path}", body, JSON)
    assert (answered.status, answered.body[-len(answer) :]) == (200, answer)


def test_a_raw_request_of_nothing_is_answered_with_binary_tensors(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: constant()}}))
    headers = {"inference-header-content-length": "0"}
    assert ask(app, "POST /v2/models/m/infer", b"", headers).body.endswith(b"\x80\x3f\0\0\0\x40")
    assert ask(app, "POST /v2/models/m/infer", b"abcd", headers).status == 400


def test_an_input_that_it_does_not_have_is_refused(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: constant()}}))
    answer = ask(app, "POST /predict/m", {"inputs": [[1]]}, JSON)
    assert answer.error == '"inputs" must be an object without keys: the model has no inputs'
    assert "unexpected" in ask(app, "POST /predict/m", {"inputs": {"x": 1}}, JSON).error


def test_it_is_no_language_model_in_the_description(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: constant()}}))
    paths = ask(app, "GET /openapi.json").document["paths"]
    assert "/predict" in paths
    assert "/v1/chat/completions" not in paths


@pytest.mark.parametrize("way", [container, emulated("process")], ids=["container", "emulator"])
def test_tritons_client_asks_without_inputs(tmp_path: Path, way: Way) -> None:
    with way(settings_for(tmp_path, {"m": {1: constant()}})) as address:
        client = triton_http.InferenceServerClient(address)
        try:
            assert client.infer("m", []).as_numpy("y").tolist() == [[1, 2]]
        finally:
            client.close()


def test_tritons_client_asks_without_inputs_over_grpc(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: constant()}})
    with (
        grpc_beside_the_emulator(settings) as address,
        triton.InferenceServerClient(address) as client,
    ):
        assert client.infer("m", []).as_numpy("y").tolist() == [[1, 2]]
