"""`lading grpc-proxy` between NVIDIA's stock gRPC client and a server that speaks HTTP alone."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from tests.cli.commands.test_serve import LADING, serving
from tests.cli.conftest import Lading

X = np.array([[1, -2]], np.float32)


@contextmanager
def proxied(workspace: Path, target: str) -> Iterator[tuple[Any, subprocess.Popen[str]]]:
    """The proxy's line of JSON, and its process."""
    command = [*LADING, "grpc-proxy", "--target", target, "--port", "0", "--json"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, cwd=workspace, env=environment, text=True, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline()), process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def given() -> Any:
    tensor = triton.InferInput("x", [1, 2], "FP32")
    tensor.set_data_from_numpy(X)
    return tensor


def test_a_stock_client_is_answered_by_the_api(packaged: Lading, workspace: Path) -> None:
    with serving(workspace) as (server, _), proxied(workspace, server["url"]) as (proxy, process):
        with triton.InferenceServerClient(proxy["grpc"]) as client:
            assert client.is_server_ready()
            assert client.is_model_ready("double")
            metadata = client.get_model_metadata("double")
            index = client.get_model_repository_index(as_json=True)
            answer = client.infer("double", [given()], request_id="mine")
            with pytest.raises(InferenceServerException) as caught:
                client.infer("triple", [given()])
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert {each["name"] for each in index["models"]} == {"double"}
    assert [(each.name, list(each.shape)) for each in metadata.inputs] == [("x", [-1, -1])]
    assert np.array_equal(answer.as_numpy("y"), 2 * X)
    assert answer.get_response().id == "mine"
    assert caught.value.status() == "StatusCode.NOT_FOUND"
    lines = [json.loads(line) for line in (workspace / proxy["log"]).read_text().splitlines()]
    assert [line["status"] for line in lines if "ModelInfer" in line["path"]] == [200, 404]


def test_an_api_that_does_not_answer_is_unavailable(workspace: Path) -> None:
    with (
        proxied(workspace, "http://127.0.0.1:1") as (proxy, _),
        triton.InferenceServerClient(proxy["grpc"]) as client,
        pytest.raises(InferenceServerException, match="cannot be reached") as caught,
    ):
        client.infer("double", [given()])
    assert caught.value.status() == "StatusCode.UNAVAILABLE"


def test_calls_that_wait_for_the_api_hold_up_no_others(workspace: Path) -> None:
    many = 4 * (os.cpu_count() or 1)
    with (
        socket.create_server(("127.0.0.1", 0), backlog=many) as api,
        proxied(workspace, f"http://127.0.0.1:{api.getsockname()[1]}") as (proxy, _),
        triton.InferenceServerClient(proxy["grpc"]) as client,
        ExitStack() as asked,
    ):
        api.settimeout(60)
        for _ in range(many):
            client.async_infer("double", [given()], lambda result, error: None)
        for _ in range(many):
            connection, _address = api.accept()  # a call that the API has not answered
            asked.enter_context(connection)


def test_a_token_and_a_signature_exclude_one_another(lading: Lading) -> None:
    words = ("--target", "https://example.com", "--sign", "--token", "lading_x")
    assert lading("grpc-proxy", *words).code == 2


def test_a_port_that_is_taken_is_an_error(
    packaged: Lading, workspace: Path, lading: Lading
) -> None:
    with serving(workspace) as (server, _):
        port = server["url"].rpartition(":")[2]
        refused = lading("grpc-proxy", "--target", server["url"], "--port", port)
    assert refused.code == 7
    assert f"cannot listen on 127.0.0.1:{port}" in refused.err
