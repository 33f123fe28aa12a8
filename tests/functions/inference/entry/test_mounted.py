"""The service inside another application blocks none of its routes, and logs each request."""

import io
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import httpx
import pytest
from fastapi import FastAPI

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.entry.mounted import create_service
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import settings_for, times, write_artifact

BODY = {"inputs": [[1.5, 2]]}
WAITING = """
def preprocess(arrays):
    open({begun!r}, "w").close()  # waits until the test reads
    open({go!r}).close()  # waits until the test writes
    return arrays
"""


@pytest.fixture
def waiting(tmp_path: Path) -> FastAPI:
    """A user's own application whose model `m` says when it begins, and waits to be let go."""
    pipes = {name: str(tmp_path / name) for name in ("begun", "go")}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    code = WAITING.format(**pipes).encode()
    files = {"model.onnx": times(2), "own.py": code}
    step = {"step": "code", "file": "own.py"}
    digests = {name: sha256(content) for name, content in files.items()}
    digest = write_artifact(tmp_path, "m", 1, times(2), processing=[step], files=digests)
    (tmp_path / "models/m/1/own.py").write_bytes(code)
    served = ServedModel("m", {1: digest}, {"stable": 1})
    return own_app(create_service(ServingSettings((served,), str(tmp_path))))


def own_app(service: App) -> FastAPI:
    app = FastAPI()

    @app.get("/greeting")
    def greeting() -> str:
        return "hello"

    app.mount("/ml", service)
    return app


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    with uvicorn_serving(request.getfixturevalue("waiting")) as served:
        yield f"http://{served}"


def test_a_route_beside_a_prediction_under_way_answers_at_once(
    address: str, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as caller:
        predicted = caller.submit(httpx.post, f"{address}/ml/m/predict", json=BODY, timeout=30)
        (tmp_path / "begun").read_text()
        assert httpx.get(f"{address}/greeting", timeout=30).json() == "hello"
        assert httpx.get(f"{address}/ml/v2/health/live", timeout=30).status_code == 200
        assert not predicted.done()
        (tmp_path / "go").write_text("")
        assert predicted.result().json()["outputs"] == {"y": [[3.0, 4.0]]}


class Output(io.StringIO):
    """A log that says when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: Queue[str] = Queue()

    def write(self, text: str) -> int:
        if text.strip():
            self.written.put(text)
        return len(text)


def test_each_request_is_logged_and_counted_by_itself(tmp_path: Path) -> None:
    settings, output = settings_for(tmp_path, {"m": {1: times(2)}}), Output()
    service = create_service(settings, observability=Observability(settings, output=output))
    with uvicorn_serving(own_app(service)) as served:
        for _ in range(2):
            httpx.post(f"http://{served}/ml/m/predict", json=BODY, timeout=30)
            document = json.loads(output.written.get(timeout=30))
            assert (document["path"], document["status"]) == ("/ml/m/predict", 200)
            assert document["Requests"] == [1]
    assert output.written.empty()
