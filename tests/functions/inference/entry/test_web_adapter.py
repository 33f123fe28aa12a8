"""The service as the Lambda Web Adapter starts it: the handler's script, and HTTP."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lading.emulator.processes.ports import free_port
from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.names import ADAPTER
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, MODEL
from lading.functions.inference.entry.adapter_settings import AdapterSettings
from lading.functions.inference.entry.web_adapter import create_adapted
from lading.functions.inference.wire.asgi import App, Message
from tests.support.interpreter import ROOT
from tests.support.waiting import until_it_answers
from tests.support.worlds import settings_for, times, write_artifact


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Where the function's process listens, once it is ready."""
    port = free_port()
    environment = {
        **settings_for(tmp_path, {"m": {1: times(2.0)}}).to_environment(),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "PYTHONPATH": str(ROOT),
        "AWS_LWA_PORT": str(port),
        "AWS_LAMBDA_FUNCTION_NAME": "lading-dev-model-m",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "LADING_CORS": "https://here.example",
    }
    with subprocess.Popen(
        [str(ROOT / ADAPTER.handler)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until_it_answers(process, f"{url}/v2/health/live")
            yield process, url
        finally:
            process.terminate()


def test_it_answers_below_the_models_base_url_and_logs_as_the_function_does(
    started: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = started
    headers = {"origin": "https://here.example"}
    answer = httpx.post(f"{url}/m/predict", json={"inputs": [[1.5]]}, headers=headers, timeout=30)
    assert answer.json()["outputs"] == {"y": [[3.0]]}
    assert answer.headers["access-control-allow-origin"] == "https://here.example"
    line = line_of(process, "/m/predict")
    assert (line["function_name"], line["function_version"]) == ("lading-dev-model-m", "7")
    assert line["Requests"] == [1]


def line_of(process: subprocess.Popen[str], path: str) -> dict[str, Any]:
    """The log line of the request to this path."""
    assert process.stdout is not None
    lines = map(json.loads, iter(process.stdout.readline, ""))
    return next(line for line in lines if line["path"] == path)


@pytest.mark.parametrize(
    ("context", "counted"),
    [
        ('{"requestId": "traffic-hook"}', False),
        ('{"requestId": "0f1e2d3c"}', True),
        ("{", True),
        ("[1]", True),
    ],
)
def test_the_adapter_tells_it_the_gateways_context_by_which_a_check_is_not_counted(
    started: tuple[subprocess.Popen[str], str], context: str, counted: bool
) -> None:
    process, url = started
    told = {"x-amzn-request-context": context}
    assert httpx.get(f"{url}/m/v2/health/ready", headers=told, timeout=30).status_code == 200
    assert ("function_name" in line_of(process, "/m/v2/health/ready")) == counted


def test_the_adapters_checks_of_readiness_write_no_line_and_leave_the_cold_start_to_the_caller(
    started: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = started
    headers = {"x-amzn-request-context": '{"requestId": "0f1e2d3c"}'}
    httpx.get(f"{url}/m/v2/health/ready", headers=headers, timeout=30)
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert (line["path"], line["ColdStart"]) == ("/m/v2/health/ready", [1])


def test_a_caller_reaches_no_path_of_the_adapter(
    started: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = started
    headers = {"x-amzn-request-context": '{"requestId": "0f1e2d3c"}'}
    answer = httpx.post(f"{url}/events", json={"warmer": True}, headers=headers, timeout=30)
    assert answer.status_code == 404
    assert line_of(process, "/events")["status"] == 404


def test_a_warm_up_through_the_adapter_is_no_request(
    started: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = started
    passed = {"x-amzn-request-context": "null"}
    warm = httpx.post(f"{url}/events", json={"warmer": True}, headers=passed, timeout=30)
    other = httpx.post(f"{url}/events", json={"Records": []}, headers=passed, timeout=30)
    long = httpx.post(f"{url}/events", json={"warmer": "x" * 70_000}, headers=passed, timeout=30)
    assert (warm.status_code, warm.json()) == (200, {"warm": True})
    assert (other.status_code, long.status_code) == (400, 400)
    httpx.get(f"{url}/m/v2/health/ready", timeout=30)
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert (line["path"], line["ColdStart"]) == ("/m/v2/health/ready", [0])


def test_the_hooks_of_a_snapshot_are_no_requests(
    started: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = started
    for path in (ADAPTER.before_snapshot_path, ADAPTER.after_restore_path):
        assert httpx.post(url + path, timeout=30).status_code == 200
        passed = {"x-amzn-request-context": '{"requestId": "0f1e2d3c"}'}
        assert httpx.post(url + path, headers=passed, timeout=30).status_code == 404
        assert line_of(process, path)["ColdStart"] == [path == ADAPTER.before_snapshot_path]


def hook(app: App, path: str) -> int:
    """Send what the adapter sends at a snapshot, and return the status."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    asyncio.run(app(scope, receive, send))
    return int(sent[0]["status"])


def with_golden_request(root: Path, shape: list[int]) -> App:
    """The application of a model whose golden request has an input of this shape."""
    given = {"name": "x", "datatype": "FP32", "shape": shape, "data": [1.0, 2.0]}
    golden = json.dumps({"requests": [{"inputs": [given], "outputs": []}]}).encode()
    files = {MODEL: sha256(times(2.0)), GOLDEN: sha256(golden)}
    digest = write_artifact(root, "m", 1, times(2.0), files=files)
    (root / "models/m/1" / GOLDEN).write_bytes(golden)
    served = ServedModel("m", {1: digest}, {"stable": 1})
    return create_adapted(ServingSettings((served,), str(root)), AdapterSettings("lading", "1"))


def test_before_a_snapshot_the_golden_requests_are_answered(tmp_path: Path) -> None:
    assert hook(with_golden_request(tmp_path, [1, 2]), ADAPTER.before_snapshot_path) == 200


def test_a_golden_request_without_an_answer_fails_the_snapshot(tmp_path: Path) -> None:
    app = with_golden_request(tmp_path, [2])
    with pytest.raises(ModelUnavailable, match="a golden request fails"):
        hook(app, ADAPTER.before_snapshot_path)


def test_environments_from_one_snapshot_have_random_numbers_of_their_own(tmp_path: Path) -> None:
    app = with_golden_request(tmp_path, [1, 2])
    random.seed(1)
    snapshot = random.getstate()
    assert hook(app, ADAPTER.after_restore_path) == 200
    assert random.getstate() != snapshot
