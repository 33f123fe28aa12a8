"""What is too long for Lambda is refused in the dialect's words, and only that."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from lading.functions.inference.app.answer_limit import MOST, size_of
from lading.functions.inference.wire.messages import Response
from tests.contracts.wire.ways import Way, container, emulated
from tests.emulator.harness import LINUX_ONLY
from tests.support.worlds import settings_for, times

ROWS = 650_000
VALUES = [[0.5]] * ROWS
TENSOR = {"name": "x", "datatype": "FP32", "shape": [ROWS, 1]}
JSON = {"content-type": "application/json"}

REQUESTS: dict[str, tuple[str, Any]] = {
    "plain": ("/predict", {"inputs": VALUES}),
    "TensorFlow Serving": ("/v1/models/m:predict", {"instances": VALUES}),
    "Open Inference": ("/v2/models/m/infer", {"inputs": [{**TENSOR, "data": VALUES}]}),
    "TorchServe": ("/predictions/m", VALUES),
    "SageMaker": ("/invocations", VALUES),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(emulated("process"), id="emulator"),
        pytest.param(emulated("lambda"), id="lambda", marks=LINUX_ONLY),
    ],
)
def client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    way: Way = request.param
    settings = settings_for(tmp_path_factory.mktemp("store"), {"m": {1: times(1 / 3)}})
    with way(settings) as address, httpx.Client(base_url=f"http://{address}", timeout=60) as client:
        del client.headers["accept-encoding"]
        yield client


def ask(client: httpx.Client, path: str, document: Any, **headers: str) -> httpx.Response:
    content = json.dumps(document, separators=(",", ":")).encode()
    return client.post(path, content=content, headers={**JSON, **headers})


@pytest.mark.parametrize("dialect", REQUESTS)
def test_an_answer_that_is_too_long_is_an_error_of_the_dialect(
    client: httpx.Client, dialect: str
) -> None:
    answer = ask(client, *REQUESTS[dialect])
    assert answer.status_code == 400, answer.text[:200]
    document = answer.json()
    text = document["message" if dialect == "TorchServe" else "error"]
    assert "MB and exceeds Lambda's limit of 6 MB; send fewer rows in one request" in text
    assert "accept gzip" in text
    assert "binary tensors" in text


@pytest.mark.parametrize("dialect", REQUESTS)
def test_who_takes_gzip_gets_it_all(client: httpx.Client, dialect: str) -> None:
    answer = ask(client, *REQUESTS[dialect], **{"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.count("0.16666667") == ROWS


def test_binary_tensors_and_fewer_rows_fit(client: httpx.Client) -> None:
    path, document = REQUESTS["Open Inference"]
    binary = ask(client, path, {**document, "parameters": {"binary_data_output": True}})
    length = int(binary.headers["inference-header-content-length"])
    assert np.frombuffer(binary.content[length:], "<f4").size == ROWS
    half = ask(client, "/predict", {"inputs": VALUES[: ROWS // 2]})
    assert len(half.json()["outputs"]["y"]) == ROWS // 2


def test_the_container_has_no_such_limit(tmp_path: Path) -> None:
    with (
        container(settings_for(tmp_path, {"m": {1: times(1 / 3)}})) as address,
        httpx.Client(base_url=f"http://{address}", timeout=60) as client,
    ):
        answer = ask(client, *REQUESTS["plain"])
    assert len(answer.json()["outputs"]["y"]) == ROWS


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"a":["b\\n","c"]}\n', "application/json"),
        ('{"é":"\U0001f600"}'.encode(), "application/json; charset=utf-8"),
        (b"a,b\r\n", "text/csv"),
    ],
)
def test_text_has_the_length_of_its_json(body: bytes, content_type: str) -> None:
    text = json.dumps(body.decode())
    assert len(text) - 2 <= size_of(Response(200, body, content_type)) <= len(text)


def test_what_is_no_text_has_the_length_of_its_base64() -> None:
    assert size_of(Response(200, b"abcd", "application/octet-stream")) == 8
    assert size_of(Response(200, gzip.compress(b"a"), "application/json")) % 4 == 0
    assert MOST < 6 << 20
