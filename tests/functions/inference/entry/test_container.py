"""The container, as SageMaker starts it: a process with `serve`, and HTTP."""

import contextlib
import http.client
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc as triton

from lading.emulator.processes.ports import free_port
from tests.support.interpreter import ROOT
from tests.support.waiting import until, until_it_answers
from tests.support.worlds import countdown, settings_for, times, with_baseline, write_golden

X = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3]}
ROUNDS_OF_A_SECOND = 3_000_000


@dataclass
class Container:
    """A running container: its process and a client of it."""

    process: subprocess.Popen[str]
    port: int
    client: httpx.Client

    def invoke(self) -> httpx.Response:
        return self.client.post("/invocations", json={"inputs": [X]})

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def start(folder: Path, port: int, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    told = {"SAGEMAKER_BIND_TO_PORT": str(port), "LADING_MODEL_ROOT": str(folder)}
    told |= {"LADING_LINGER": "0", "LADING_SIGNATURES": "off", **environment}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "lading.functions.inference.entry.container",
            *(arguments or ("serve",)),
        ],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(folder: Path, *arguments: str, **environment: str) -> str:
    """What a container says that does not start."""
    process = start(folder, 8080, *arguments, **environment)
    output, said = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    return said


@contextlib.contextmanager
def running(folder: Path, **environment: str) -> Iterator[Container]:
    port = free_port()
    process = start(folder, port, **environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            until_it_answers(process, f"http://127.0.0.1:{port}/ping")
            yield Container(process, port, client)
    finally:
        process.kill()
        process.communicate()


def slow_request(port: int, seconds: int) -> http.client.HTTPConnection:
    """A request that takes a thread for some seconds, sent and not answered yet."""
    data = [seconds * ROUNDS_OF_A_SECOND]
    rounds = {"name": "rounds", "datatype": "INT64", "shape": [1], "data": data}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"inputs": [rounds, {**X, "shape": [1]}]})
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    return connection


def wait_until_queued(container: Container) -> None:
    """Wait until a request waits behind the one that runs, which readiness and metrics show."""
    ready = {"ready": True, "waiting": {"m": 1}}
    until(lambda: container.client.get("/v2/health/ready").json() == ready)
    assert 'lading_queue_requests{model="m"} 1' in container.client.get("/metrics").text


def test_it_serves_what_lies_in_its_model_folder(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path) as container:
        assert container.invoke().json()["outputs"][0]["data"] == [6]
        assert container.client.post("/predict", json={"inputs": [[3]]}).json()["model"] == "m"
        assert (
            container.client.get("/", headers={"accept": "text/html"}).headers["location"] == "ui"
        )
        assert "<!doctype html>" in container.client.get("/ui/m").text


def test_it_serves_what_it_is_told_to_and_checks_its_digest(tmp_path: Path) -> None:
    told = settings_for(tmp_path, {"m": {1: times(2), 2: times(3)}}).to_environment()
    with running(tmp_path, LADING_PAGES="false", **told) as container:
        assert container.invoke().json()["outputs"][0]["data"] == [6]
        assert container.client.get("/ui").status_code == 404
    broken = told | {"LADING_MODELS": told["LADING_MODELS"].replace("sha256:", "sha256:0")}
    assert "model 'm' version 1 is not ready" in refused(tmp_path, **broken)


def test_a_model_that_answers_wrong_at_the_start_is_not_ready_anywhere(tmp_path: Path) -> None:
    write_golden(tmp_path, "wrong", 1, times(2), answer=[5.0, 5.0])
    write_golden(tmp_path, "right", 1, times(2), answer=[2.0, 4.0])
    grpc = free_port()
    process = start(tmp_path, port := free_port(), LADING_GRPC_PORT=str(grpc))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            until(lambda: listens(port))
            assert client.get("/ping").status_code == 500
            assert client.get("/v2/health/ready").status_code == 503
            assert client.get("/v2/models/wrong/ready").status_code == 503
            assert client.get("/v2/models/right/ready").status_code == 200
            (state,) = client.get("/v1/models/wrong").json()["model_version_status"]
            assert (state["state"], "answered wrong" in str(state)) == ("END", True)
            assert client.post("/predict/wrong", json={"inputs": [[1, 2]]}).status_code == 503
            assert client.post("/predict/right", json={"inputs": [[1, 2]]}).status_code == 200
            with triton.InferenceServerClient(f"127.0.0.1:{grpc}") as over_grpc:
                assert not over_grpc.is_server_ready()
                assert over_grpc.is_server_live()
                assert not over_grpc.is_model_ready("wrong")
    finally:
        process.kill()
        said, _ = process.communicate()
    assert '"model failed to load"' in said


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def test_a_server_without_a_model_is_not_healthy(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path, LADING_MODEL_CONTROL="explicit") as container:
        assert container.client.post("/v2/repository/models/m/unload").status_code == 200
        assert container.client.get("/ping").status_code == 500
        assert container.client.post("/v2/repository/models/m/load").status_code == 200
        assert container.client.get("/ping").status_code == 200


def test_torchserves_management_has_a_port_of_its_own(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2), 2: times(3)}})
    port = free_port()
    own = {"LADING_MANAGEMENT_PORT": str(port), "LADING_MANAGEMENT_TOKEN": "x" * 16}
    with running(tmp_path, **own) as container:
        url, held = f"http://127.0.0.1:{port}/models/m", {"authorization": f"Bearer {'x' * 16}"}
        assert httpx.get(url, timeout=10).status_code == 401
        assert httpx.get(url, headers=held, timeout=10).json()[0]["modelVersion"] == "2"
        assert httpx.put(f"{url}/1/set-default", headers=held, timeout=10).status_code == 200
        assert container.invoke().json()["outputs"][0]["data"] == [6]
        assert container.client.post("/v2/repository/models/m/unload").status_code == 501
        assert container.end(signal.SIGTERM) == 0


def test_the_counts_of_the_last_minute_are_written_when_the_container_stops(tmp_path: Path) -> None:
    with_baseline(tmp_path)
    with running(tmp_path) as container:
        for _ in range(3):
            assert container.client.post("/predict", json={"inputs": [[1, 2]]}).status_code == 200
        container.process.send_signal(signal.SIGTERM)
        said, _ = container.process.communicate(timeout=30)
    drift = [line for line in map(json.loads, said.splitlines()) if line["message"] == "drift"]
    assert [(line["requests"], line["counted"]) for line in drift] == [(3, 3)]


def test_what_uvicorn_says_is_a_json_line_among_the_others(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path) as container:
        with socket.create_connection(("127.0.0.1", container.port), timeout=10) as connection:
            connection.sendall(b"no HTTP\r\n\r\n")
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
        container.invoke()
        container.process.send_signal(signal.SIGTERM)
        said, broken = container.process.communicate(timeout=30)
    assert broken == ""
    lines = [json.loads(line) for line in said.splitlines()]
    (warning,) = [line for line in lines if line["level"] == "WARNING"]
    assert warning["message"] == "Invalid HTTP request received."
    assert {line["service"] for line in lines} == {"inference"}


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6 here")
def test_it_listens_where_it_is_told_to_and_keeps_connections_as_long(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    told = {"LADING_HOST": "::", "LADING_KEEP_ALIVE": "1", "LADING_GRPC_PORT": str(free_port())}
    with running(tmp_path, **told) as container:
        assert container.invoke().status_code == 200
        assert httpx.get(f"http://[::1]:{container.port}/ping", timeout=30).status_code == 200
        with triton.InferenceServerClient(f"[::1]:{told['LADING_GRPC_PORT']}") as client:
            assert client.is_server_live()
        with socket.create_connection(("::1", container.port), timeout=10) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n")
            while connection.recv(1 << 16):
                """Until it is closed."""


def test_a_port_that_is_taken_costs_one_line(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(tmp_path, port, LADING_HOST="127.0.0.1")
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.startswith(f"error: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert said.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends_in_good_order(tmp_path: Path, number: int) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path) as container:
        assert container.end(number) == 0


def test_a_prediction_holds_up_no_ping_and_is_answered_before_the_end(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: countdown()}})
    with running(tmp_path) as container:
        slow = slow_request(container.port, 1)
        assert container.client.get("/ping").status_code == 200
        assert not select.select([slow.sock], [], [], 0)[0]
        assert container.end(signal.SIGTERM) == 0
        assert json.loads(slow.getresponse().read())["outputs"][0]["data"] == [3]
        slow.close()


def test_what_is_not_answered_at_the_end_of_the_grace_is_refused(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: countdown()}})
    with (
        running(tmp_path, LADING_GRACE="2", LADING_PREDICTIONS_AT_ONCE="1") as container,
        contextlib.closing(slow_request(container.port, 60)) as first,
        contextlib.closing(slow_request(container.port, 60)) as second,
    ):
        wait_until_queued(container)
        assert container.end(signal.SIGTERM) == 0
        for connection in (first, second):
            answer = connection.getresponse()
            assert (answer.status, answer.headers["connection"]) == (503, "close")
            assert "the server is stopping" in answer.read().decode()


def test_while_it_lingers_it_is_not_ready_and_still_answers(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path, LADING_LINGER="60", LADING_GRACE="90") as container:
        kept = http.client.HTTPConnection("127.0.0.1", container.port, timeout=30)
        with contextlib.closing(kept):
            kept.request("GET", "/ping")
            kept.getresponse().read()
            container.process.send_signal(signal.SIGTERM)
            until(lambda: container.client.get("/v2/health/ready").status_code != 200)
            body = json.dumps({"inputs": [X]})
            kept.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            answer = kept.getresponse()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert container.client.get("/v2/health/live").status_code == 200
            assert container.end(signal.SIGINT) == 0


def test_what_callers_who_left_had_asked_is_not_computed(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: countdown()}})
    with running(tmp_path, LADING_THREADS="1") as container:
        heard = [slow_request(container.port, 2) for _ in range(os.cpu_count() or 1)]
        for left in [slow_request(container.port, 20) for _ in range(8)]:
            left.close()
        for each in heard:
            assert each.getresponse().status == 200
            each.close()
        assert container.process.stdout is not None
        lines = (json.loads(line) for line in container.process.stdout)
        posted = (line["status"] for line in lines if line["path"] == "/invocations")
        seen = list(itertools.islice(posted, 8 + len(heard)))
        assert sorted(seen) == [*[200] * len(heard), *[499] * 8]


def test_an_upload_that_breaks_off_is_no_answered_request(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path) as container:
        with socket.create_connection(("127.0.0.1", container.port)) as connection:
            connection.sendall(
                b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"
            )
        assert container.process.stdout is not None
        lines = map(json.loads, container.process.stdout)
        line = next(each for each in lines if each["path"] == "/invocations")
        assert (line["status"], line["error"]) == (499, "CallerGone")


def test_each_request_is_a_line_at_once(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path) as container:
        container.invoke()
        assert container.process.stdout is not None
        lines = map(json.loads, container.process.stdout)
        line = next(each for each in lines if each["path"] == "/invocations")
        assert (line["dialect"], line["status"], line["model"]) == ("sagemaker", 200, "m")


def test_a_body_over_its_limit_is_refused(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path, LADING_LONGEST_BODY="50") as container:
        assert container.invoke().status_code == 413


def test_without_a_model_it_does_not_start(tmp_path: Path) -> None:
    assert refused(tmp_path).startswith(f"error: {tmp_path} contains no model; put models/")


def test_with_a_model_that_does_not_load_it_does_not_start(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    (tmp_path / "models/m/1/model.onnx").write_bytes(b"other")
    assert refused(tmp_path).startswith("error: model 'm' version 1 is not ready: models/m/1")


def test_with_a_setting_that_is_none_it_does_not_start(tmp_path: Path) -> None:
    said = refused(tmp_path, SAGEMAKER_BIND_TO_PORT="http")
    assert said == "error: SAGEMAKER_BIND_TO_PORT must be a whole number above 0, got 'http'\n"


def test_it_is_for_serving_alone(tmp_path: Path) -> None:
    assert "usage: python -m lading.functions.inference.entry.container serve" in refused(
        tmp_path, "train"
    )


def test_grpc_is_spoken_where_a_port_is_named_for_it(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    port = free_port()
    given = triton.InferInput("x", [1, 1], "FP32")
    given.set_data_from_numpy(np.array([[3]], np.float32))
    with (
        running(tmp_path, LADING_GRPC_PORT=str(port)) as container,
        triton.InferenceServerClient(f"127.0.0.1:{port}") as client,
    ):
        assert client.infer("m", [given]).as_numpy("y").tolist() == [[6]]
        assert container.end(signal.SIGTERM) == 0


def test_told_to_end_it_ends_what_grpc_has_under_way_as_it_does_what_http_has(
    tmp_path: Path,
) -> None:
    settings_for(tmp_path, {"m": {1: countdown()}})
    port = free_port()
    x, rounds = triton.InferInput("x", [1], "FP32"), triton.InferInput("rounds", [1], "INT64")
    x.set_data_from_numpy(np.array([3], np.float32))
    rounds.set_data_from_numpy(np.array([ROUNDS_OF_A_SECOND]))
    answers: SimpleQueue[Any] = SimpleQueue()
    with (
        running(tmp_path, LADING_GRPC_PORT=str(port)) as container,
        triton.InferenceServerClient(f"127.0.0.1:{port}") as client,
        triton.InferenceServerClient(f"127.0.0.1:{port}") as silent,
    ):
        silent.start_stream(lambda result, error: None)
        client.async_infer("m", [x, rounds], lambda result, error: answers.put((result, error)))
        assert client.is_server_live()  # so the call before this one has arrived
        assert container.end(signal.SIGTERM) == 0
        result, error = answers.get(timeout=30)
        assert error is None, error
    assert result.as_numpy("y").tolist() == [3]


def test_with_a_grpc_port_that_is_taken_it_does_not_start(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused(tmp_path, SAGEMAKER_BIND_TO_PORT=str(free_port()), LADING_GRPC_PORT=port)
    assert said.splitlines()[-1].startswith(f"error: cannot listen for gRPC on 0.0.0.0:{port}")
