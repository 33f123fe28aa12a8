import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc as triton

from tests.cli.conftest import Lading
from tests.emulator.harness import TOOLS
from tests.support.waiting import until

LADING = [sys.executable, "-c", "from lading.cli.main import main; main()"]
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime runs on Linux")


@contextmanager
def serving(workspace: Path, *words: str) -> Iterator[tuple[Any, subprocess.Popen[str]]]:
    """`lading serve` in the workspace; gives its JSON line and its process."""
    command = [*LADING, "serve", "--port", "0", "--json", *words]
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command,
        cwd=workspace,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline()), server
        finally:
            server.send_signal(signal.SIGINT)


@pytest.mark.parametrize("runtime", ["process", pytest.param("lambda", marks=needs_linux)])
def test_serves_the_lock_until_it_is_interrupted(
    packaged: Lading, workspace: Path, runtime: str
) -> None:
    with serving(workspace, "--runtime", runtime) as (ready, server):
        page = httpx.get(f"{ready['url']}/ui/double", timeout=30)
        answer = httpx.post(f"{ready['url']}/double/predict", json={"inputs": [[1, 2]]}, timeout=30)
        server.send_signal(signal.SIGINT)
        _, access = server.communicate(timeout=60)
    assert ready["models"] == {"double": [1]}
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert answer.json()["outputs"] == {"y": [[2.0, 4.0]]}
    assert access.startswith("POST /double/predict 200 ")
    assert server.returncode == 0
    [line] = [
        json.loads(line)
        for line in (workspace / ready["log"]).read_text().splitlines()
        if '"message":"request"' in line
    ]
    assert (line["model"], line["status"]) == ("double", 200)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6 here")
def test_it_listens_on_ipv6_and_keeps_connections_as_long_as_it_is_told(
    packaged: Lading, workspace: Path
) -> None:
    with serving(workspace, "--host", "::", "--keep-alive", "1", "--grpc-port", "0") as (ready, _):
        port = int(ready["url"].rpartition(":")[2])
        assert ready["url"] == f"http://[::]:{port}"
        assert httpx.get(f"http://127.0.0.1:{port}/ping", timeout=30).status_code == 200
        with socket.create_connection(("::1", port), timeout=60) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n")
            while connection.recv(1 << 16):
                """Until it is closed."""


def test_prometheus_is_told_of_requests(packaged: Lading, workspace: Path) -> None:
    with serving(workspace) as (ready, _):
        httpx.post(f"{ready['url']}/double/predict", json={"inputs": [[1, 2]]}, timeout=30)
        page = httpx.get(f"{ready['url']}/metrics", timeout=30)
    labels = 'dialect="plain",model="double",status="200",version="1"'
    assert f"lading_requests_total{{{labels}}} 1.0" in page.text


def test_grpc_is_spoken_on_a_port_of_its_own(packaged: Lading, workspace: Path) -> None:
    given = triton.InferInput("x", [1, 2], "FP32")
    given.set_data_from_numpy(np.array([[1, 2]], np.float32))
    with serving(workspace, "--grpc-port", "0") as (ready, _):
        with triton.InferenceServerClient(ready["grpc"]) as client:
            answer = client.infer("double", [given])
        counted = 'dialect="open_inference_grpc",model="double"'  # after the answer is sent
        until(lambda: counted in httpx.get(f"{ready['url']}/metrics", timeout=30).text)
    assert answer.as_numpy("y").tolist() == [[2, 4]]
    assert "/inference.GRPCInferenceService/ModelInfer" in (workspace / ready["log"]).read_text()


def test_pages_of_an_origin_may_ask_when_it_is_named(packaged: Lading, workspace: Path) -> None:
    origin = {"origin": "https://here.example"}
    with serving(workspace, "--cors", "https://here.example") as (ready, _):
        answer = httpx.options(
            f"{ready['url']}/v1/models/double:predict", headers=origin, timeout=30
        )
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
        200,
        "https://here.example",
    )
    refused = packaged("serve", "--cors", "anything")
    assert (refused.code, "is not an origin" in refused.err) == (2, True)


def test_models_are_managed_on_a_port_of_its_own(packaged: Lading, workspace: Path) -> None:
    question = {"inputs": [[1, 2]]}
    with (
        serving(workspace, "--management-port", "0") as (ready, _),
        httpx.Client(timeout=30) as client,
    ):
        url, models = ready["url"], f"{ready['management']}/models"
        assert client.get(models).status_code == 401
        client.headers["authorization"] = f"Bearer {ready['management_token']}"
        assert client.get(models).json()["models"][0]["modelName"] == "double"
        assert client.delete(f"{models}/double").status_code == 200
        assert client.post(f"{url}/predict/double", json=question).status_code == 404
        assert client.post(models, params={"url": "double"}).status_code == 200
        assert client.post(f"{url}/predict/double", json=question).status_code == 200


def test_aws_own_runtime_has_no_models_to_manage(packaged: Lading) -> None:
    refused = packaged("serve", "--runtime", "lambda", "--management-port", "0")
    assert (refused.code, "--runtime process" in refused.err) == (2, True)


def test_predict_asks_a_running_server(packaged: Lading, workspace: Path) -> None:
    (workspace / "sample.json").write_text('{"inputs": [[1, 2]]}')
    with serving(workspace) as (ready, _):
        url = ready["url"]
        good = packaged("predict", "double", "-i", "sample.json", "--url", url, "--json")
        bad = packaged("predict", "triple", "-i", "sample.json", "--url", url)
    assert good.document["outputs"] == {"y": [[2.0, 4.0]]}
    assert bad.code == 7
    assert "404" in bad.err
    assert "triple" in bad.err


def test_a_damaged_model_is_told_at_the_start_and_answers_that_it_is_not_ready(
    packaged: Lading, workspace: Path
) -> None:
    (workspace / "artifacts/models/double/1/model.onnx").write_bytes(b"")
    with serving(workspace) as (ready, server):
        answer = httpx.get(f"{ready['url']}/v2/models/double/ready", timeout=30)
        server.send_signal(signal.SIGINT)
        _, told = server.communicate(timeout=60)
    assert answer.status_code == 503
    assert told.startswith("warning: models/double/1/model.onnx has digest sha256:")


def test_without_a_lock_and_a_manifest_it_says_what_to_do(lading: Lading, workspace: Path) -> None:
    (workspace / "models.yaml").unlink()
    result = lading("serve")
    assert result.code == 4
    assert "lading package" in result.err


def test_a_taken_port_costs_one_line(packaged: Lading, workspace: Path) -> None:
    with serving(workspace) as (ready, _):
        result = packaged("serve", "--port", ready["url"].rpartition(":")[2])
    assert result.code == 7
    assert "choose another host or port" in result.err


PLACED = """\
models:
  double:
    source: double.onnx
    target: sagemaker
"""


@pytest.fixture
def placed(workspace: Path, lading: Lading) -> Lading:
    """`lading` where the model's target is SageMaker, and what engines need is installed."""
    (workspace / "models.yaml").write_text(PLACED)
    done = lading("package")
    assert done.code == 0, done.err
    (workspace / ".lading").mkdir(exist_ok=True)
    TOOLS.mkdir(parents=True, exist_ok=True)
    (workspace / ".lading" / "tools").symlink_to(TOOLS)
    return lading


@pytest.mark.parametrize("runtime", ["process", pytest.param("lambda", marks=needs_linux)])
def test_a_model_for_sagemaker_is_answered_by_its_engine(
    placed: Lading, workspace: Path, runtime: str
) -> None:
    with serving(workspace, "--runtime", runtime) as (ready, server):
        good = httpx.post(f"{ready['url']}/double/predict", json={"inputs": [[1, 2]]}, timeout=30)
        bad = httpx.post(f"{ready['url']}/double/predict", json={"inputs": [["a"]]}, timeout=30)
        server.send_signal(signal.SIGINT)
        _, told = server.communicate(timeout=60)
    assert good.json() == {"model": "double", "version": 1, "outputs": {"y": [[2.0, 4.0]]}}
    assert bad.status_code == 400
    assert "endpoint double: " in told
    assert (workspace / ".lading/engines/double.log").is_file()
    assert server.returncode == 0


def test_engines_are_served_one_at_a_time(placed: Lading, workspace: Path) -> None:
    manifest = PLACED + PLACED.partition("\n")[2].replace("double:", "triple:")
    (workspace / "models.yaml").write_text(manifest)
    assert placed("package").code == 0
    result = placed("serve")
    assert result.code != 0
    assert "double, triple each need an engine; name one of them" in result.err
