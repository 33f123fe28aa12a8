"""The same requests to every way of serving: each dialect's answers, errors and open points.

Where a protocol leaves a point open and its servers decide, the case says what is decided here;
docs/dialects.md has the table.
"""

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.contracts.wire.ways import MODELS, Served


@pytest.fixture
def http(served: Served) -> Iterator[httpx.Client]:
    address = f"http://{served.address}"
    with httpx.Client(base_url=address, headers=served.headers, timeout=60) as connected:
        yield connected


def json_tensor(*data: float | None, datatype: str = "FP32", shape: Any = None) -> dict[str, Any]:
    size = shape or [len(data) // 2, 2]
    return {"name": "x", "datatype": datatype, "shape": size, "data": list(data)}


NAN, INFINITY = float("nan"), float("inf")
NPY = io.BytesIO()
np.save(NPY, np.array([[1, 2]], np.float32))

CASES: dict[str, tuple[str, Any, int, Any]] = {
    # TensorFlow Serving, which is KServe v1 too
    "rows": ("/v1/models/floats:predict", {"instances": [[1, 0.1]]}, 200, b"[[1.0,0.1]]"),
    "columns": ("/v1/models/floats:predict", {"inputs": [[1, 2]]}, 200, b'{"outputs":[[1.0,2.0]]}'),
    "verbs in any case": ("/v1/models/floats:PREDICT", {"instances": [[1, 2]]}, 200, b"pred"),
    "NaN in rows": (
        "/v1/models/floats:predict",
        {"instances": [[NAN, INFINITY]]},
        200,
        b'{"predictions":[[NaN,Infinity]]}',
    ),
    "null in rows": (
        "/v1/models/floats:predict",
        {"instances": [[None, 16777217]]},
        200,
        b'{"predictions":[[NaN,16777216.0]]}',
    ),
    "a version": ("/v1/models/doubled/versions/2:predict", {"instances": [[1]]}, 200, b"[[4.0]]"),
    "a label": ("/v1/models/doubled/labels/stable:predict", {"instances": [[1]]}, 200, b"[[2.0]]"),
    "classes": (
        "/v1/models/floats:classify",
        {"examples": [{"x": [0.5, 1]}]},
        200,
        b'{"results":[[["0",0.5],["1",1.0]]]}',
    ),
    "values": ("/v1/models/column:regress", {"examples": [{"x": 3}]}, 200, b'{"results":[3.0]}'),
    "base64": ("/v1/models/text:predict", {"instances": [{"b64": "YQ=="}]}, 200, b'["a"]'),
    "half precision": ("/v1/models/halves:predict", {"instances": [[1, 2]]}, 501, b"half"),
    "an unknown servable": (
        "/v1/models/z:predict",
        {"instances": [1]},
        404,
        b'{"error":"Servable not found for request: Latest(z)"}',
    ),
    "a malformed path": ("/v1/models/floats:guess", {}, 400, b"Malformed request: POST /v1/"),
    # Open Inference Protocol
    "tensors": (
        "/v2/models/floats/infer",
        {"id": "7", "inputs": [json_tensor(1, 2)]},
        200,
        b'"id":"7"',
    ),
    "NaN in tensors": (
        "/v2/models/floats/infer",
        {"inputs": [json_tensor(NAN, 1)]},
        200,
        b"[NaN,1.0]",
    ),
    "null in tensors": (
        "/v2/models/floats/infer",
        {"inputs": [json_tensor(None, 1)]},
        200,
        b"[NaN,1.0]",
    ),
    "half precision in JSON": (
        "/v2/models/halves/infer",
        {"inputs": [json_tensor(1, 2, datatype="FP16")]},
        400,
        b"FP16, which JSON cannot hold",
    ),
    "more elements than the shape": (
        "/v2/models/floats/infer",
        {"inputs": [json_tensor(1, 2, 3, shape=[1, 2])]},
        400,
        b"has 3 elements",
    ),
    "tensors to a label": (
        "/v2/models/doubled/labels/stable/infer",
        {"inputs": [json_tensor(1, 2)]},
        200,
        b"[2.0,4.0]",
    ),
    "a text for a model of tensors": ("/v2/models/floats/generate", {}, 501, b"not a language"),
    "an unknown model": ("/v2/models/z/infer", {"inputs": []}, 404, b"unknown model: 'z'"),
    "brain floats": (
        "/v2/models/floats/infer",
        {"inputs": [json_tensor(1, 2, datatype="BF16")]},
        400,
        b"is BF16, which JSON cannot hold",
    ),
    # Plain
    "plain": ("/floats/predict", {"inputs": [[1, 2]]}, 200, b'"outputs":{"y":[[1.0,2.0]]}'),
    "plain NaN": ("/predict/floats", {"inputs": [[NAN, 1]]}, 200, b'{"y":[[null,1.0]]}'),
    "plain null": ("/predict/floats", {"inputs": [[None, 1]]}, 200, b'{"y":[[null,1.0]]}'),
    "a plain null text": ("/predict/text", {"inputs": ["a", None]}, 200, b'{"y":["a",""]}'),
    "a plain version": ("/predict/doubled/versions/2", {"inputs": [[1]]}, 200, b"[[4.0]]"),
    # TorchServe
    "a prediction": ("/predictions/floats", [[1, 2]], 200, b"[[1.0,2.0]]"),
    "a prediction of 2.0": ("/predictions/doubled/2.0", [[1]], 200, b"[[4.0]]"),
    "a prediction of a label": ("/predictions/doubled/stable", [[1]], 200, b"[[2.0]]"),
    "NaN in a prediction": ("/predictions/floats", [[NAN, 1]], 200, b"[[NaN,1.0]]"),
    "null in a prediction": ("/predictions/floats", [[None, 1]], 200, b"[[NaN,1.0]]"),
    "an explanation": ("/explanations/floats", [[1, 2]], 501, b'"NotImplementedException"'),
    "no prediction": (
        "/predictions/z",
        [[1]],
        404,
        b'{"code":404,"type":"ModelNotFoundException","message":"Model not found: z"}',
    ),
    # SageMaker
    "an invocation": ("/floats/invocations", {"instances": [[1, 2]]}, 200, b"[[1.0,2.0]]"),
    "tensors to SageMaker": (
        "/floats/invocations",
        {"inputs": [json_tensor(1, 2)]},
        200,
        b"[1.0,2.0]",
    ),
    "NaN to SageMaker": ("/floats/invocations", [[NAN, 1]], 200, b"[[NaN,1.0]]"),
    "null to SageMaker": ("/floats/invocations", [[None, 1]], 200, b"[[NaN,1.0]]"),
    # OpenAI
    "a chat with a model of tensors": (
        "/v1/chat/completions",
        {"model": "floats", "messages": []},
        400,
        b"is not a language model",
    ),
    "no embeddings": ("/v1/embeddings", {"model": "z", "input": "a"}, 404, b'"model_not_found"'),
    "tokens that are none": ("/floats/v1/embeddings", {"input": [1.5]}, 400, b'"param":"input"'),
}


OTHER_VERSIONS = ("a version", "a plain version", "a prediction of 2.0")


@pytest.mark.parametrize("what", CASES)
def test_a_request_is_answered_alike_everywhere(
    http: httpx.Client, served: Served, what: str
) -> None:
    path, document, status, part = CASES[what]
    if what in OTHER_VERSIONS and served.deployed:
        status, part = 404, b"2"
    content, kind = json.dumps(document).encode(), {"content-type": "application/json"}
    answer = http.post(path, content=content, headers=kind)
    assert (answer.status_code, part in answer.content) == (status, True), answer.content
    assert answer.headers["content-type"].startswith("application/json")
    assert served.deployed or answer.headers["x-request-id"]  # the front notes no request


BODIES = {
    "text/csv": b"1,2\n",
    "application/x-npy": NPY.getvalue(),
    "application/jsonlines": b"[1,2]\n",
    "application/octet-stream": np.array([[1, 2]], "<f4").tobytes(),
}
ANSWERS = {"text/csv": b"1.0,2.0\n", "application/jsonlines": b"[1.0,2.0]\n", "*/*": b"[[1.0,2.0]]"}


@pytest.mark.parametrize("path", ["/predict/floats", "/floats/invocations"])
@pytest.mark.parametrize("accept", ANSWERS)
@pytest.mark.parametrize("kind", BODIES)
def test_bodies_of_other_types_pass_every_way_unharmed(
    http: httpx.Client, path: str, kind: str, accept: str
) -> None:
    headers = {"content-type": kind, "accept": accept}
    answer = http.post(path, content=BODIES[kind], headers=headers)
    assert (answer.status_code, ANSWERS[accept] in answer.content) == (200, True), answer.content


@pytest.mark.parametrize("path", ["/v2/models/halves/infer", "/v2/models/floats/infer"])
def test_the_raw_form_of_one_input_is_answered_raw(http: httpx.Client, path: str) -> None:
    raw = np.array([[1, 2]], "<f2" if "halves" in path else "<f4").tobytes()
    headers = {"inference-header-content-length": "0", "content-type": "application/octet-stream"}
    answer = http.post(path, content=raw, headers=headers)
    length = int(answer.headers["inference-header-content-length"])
    assert (answer.status_code, answer.content[length:]) == (200, raw)


def test_tensorflow_servings_status_and_metadata_are_told(http: httpx.Client) -> None:
    (state,) = http.get("/v1/models/doubled/versions/1").json()["model_version_status"]
    assert (state["version"], state["state"]) == ("1", "AVAILABLE")
    signature = http.get("/v1/models/floats/metadata").json()["metadata"]["signature_def"]
    assert signature["signature_def"]["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ("/v2/health/live", "live", True),
        ("/v2/health/ready", "ready", True),
        ("/v2/models/floats/ready", "ready", True),
        ("/v1/models/floats", "ready", True),
        ("/ping", "status", "Healthy"),
    ],
)
def test_readiness_is_told_in_every_dialect(
    http: httpx.Client, path: str, key: str, value: Any
) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.json()[key]) == (200, value)


def test_the_models_are_listed_at_the_root_and_at_their_own_path(http: httpx.Client) -> None:
    for path in ("/", "/models"):
        assert {each["name"] for each in http.get(path).json()} == set(MODELS)


@pytest.mark.parametrize("option", ["-T", "-F"])
def test_curl_asks_as_torchserves_manual_says(served: Served, tmp_path: Path, option: str) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text("[[1, 2]]")
    given = str(sample) if option == "-T" else f"data=@{sample}"
    url = f"http://{served.address}/predictions/floats"
    said = [word for key, value in served.headers.items() for word in ("-H", f"{key}: {value}")]
    command = ["curl", "--silent", "--fail-with-body", url, option, given, *said]
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout) == [[1.0, 2.0]]
