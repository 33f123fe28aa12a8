"""An environment on managed instances: one engine, and a process for each request at once."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from lading.emulator.errors import RuntimeUnavailable
from lading.emulator.function.interface import Configuration
from lading.emulator.function.lambda_runtime import Code, LambdaRuntimeFunction
from lading.emulator.function.managed_folders import require_namespace
from lading.emulator.function.runtimes import create_function
from lading.emulator.processes.ports import free_port
from lading.functions.contract.names import ADAPTER, MANAGED
from lading.functions.contract.settings import ServingSettings
from tests.emulator.harness import LINUX_ONLY, ROOT, TOOLS, Served, ends, serving
from tests.support.waiting import until
from tests.support.worlds import settings_for, times

ENGINE = "lading.functions.inference.entry.managed_engine"
AT_ONCE = 3
REQUESTS = [
    ("POST", "/double/predict", b'{"inputs": [[1, 2]]}'),
    ("POST", "/v1/models/double:predict", b'{"instances": [[1.5, 2]]}'),
    ("POST", "/v1/models/double%3Apredict?a=1&a=2", b"not json"),
    ("GET", "/v2/models/double", b""),
    ("GET", "/v2/models/none", b""),
    ("GET", "/v2/health/ready", b""),
    ("PUT", "/v2/models/double/infer", b""),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    return settings_for(tmp_path_factory.mktemp("world"), {"double": {1: times(2)}})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "function.log"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def served(settings: ServingSettings, log: Path, port: int) -> Iterator[Served]:
    try:
        require_namespace()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))
    variables = {**settings.to_environment(), ADAPTER.port: str(port)}
    function = LambdaRuntimeFunction(
        variables,
        log=log,
        tools=TOOLS,
        code=Code(ROOT, MANAGED.handler, module=MANAGED.entry),
        configuration=Configuration(concurrency=AT_ONCE),
    )
    with serving(function) as found:
        yield found


def processes(port: int, argument: str) -> set[int]:
    """The processes of the environment with this port that have an argument."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode().split("\0")
            environment = (process / "environ").read_bytes().decode().split("\0")
        except OSError:
            continue
        if argument in command and f"{ADAPTER.port}={port}" in environment:
            found.add(int(process.name))
    return found


def ask(client: httpx.Client, request: tuple[str, str, bytes]) -> tuple[int, str, bytes]:
    method, path, content = request
    answer = client.request(method, path, content=content)
    return answer.status_code, answer.headers["content-type"], answer.content


@LINUX_ONLY
def test_it_answers_what_the_handler_of_layers_answers(
    served: Served, settings: ServingSettings, tmp_path: Path
) -> None:
    with serving(create_function("process", settings, log=tmp_path / "log")) as plain:
        expected = [ask(plain.client, request) for request in REQUESTS]
    assert [ask(served.client, request) for request in REQUESTS] == expected


@LINUX_ONLY
def test_one_engine_answers_the_processes_of_all_requests(served: Served, port: int) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: ask(served.client, REQUESTS[0]), range(20)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 200
    assert len(processes(port, ENGINE)) == 1
    until(lambda: len(processes(port, "awslambdaric")) == 1 + AT_ONCE)  # one after the other


@LINUX_ONLY
def test_a_request_is_logged_once_by_the_engine_with_its_id(served: Served, log: Path) -> None:
    """The line is written after the answer is sent, and lines stand in the order of requests."""
    first, second = uuid.uuid4().hex, uuid.uuid4().hex
    for identity in (first, second):
        _, path, body = REQUESTS[0]
        answer = served.client.post(path, content=body, headers={"x-request-id": identity})
        assert answer.status_code == 200
        until(partial(lines_of, log, identity))
    (line,) = lines_of(log, first)
    assert (line["path"], line["status"]) == ("/double/predict", 200)


def lines_of(log: Path, identity: str) -> list[dict[str, Any]]:
    """The complete lines of the log with this id of a request."""
    complete, _, _ = log.read_text().rpartition("\n")
    return [json.loads(line) for line in complete.splitlines() if f'"{identity}"' in line]


@LINUX_ONLY
def test_a_killed_engine_ends_its_environment_and_one_request_starts_the_next(
    served: Served, port: int
) -> None:
    assert ask(served.client, REQUESTS[0])[0] == 200
    (engine,) = processes(port, ENGINE)
    handlers = processes(port, "awslambdaric")
    os.kill(engine, signal.SIGKILL)
    assert all(ends(each) for each in (engine, *handlers))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        met = set(threads.map(lambda _: ask(served.client, REQUESTS[0])[0], range(AT_ONCE)))
    assert met <= {200, 502}
    assert ask(served.client, REQUESTS[0])[0] == 200, served.accesses[-1]
    (replaced,) = processes(port, ENGINE)
    assert replaced != engine


def test_an_environment_whose_engine_does_not_start_does_not_start_either(tmp_path: Path) -> None:
    variables = {"PYTHONPATH": str(ROOT), ADAPTER.port: "none", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", MANAGED.entry, MANAGED.handler]
    ended = subprocess.run(
        command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "AWS_LWA_PORT must be a whole number" in ended.stderr


def test_an_image_for_gpus_does_not_start_where_there_is_none(tmp_path: Path) -> None:
    variables = {"PYTHONPATH": str(ROOT), MANAGED.require_gpu: "true", "PATH": os.environ["PATH"]}
    variables[ADAPTER.port] = str(free_port())
    command = [sys.executable, "-m", MANAGED.entry, MANAGED.handler]
    ended = subprocess.run(
        command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "error: CUDA does not run here" in ended.stderr
    assert "error: the engine ended before it was ready" in ended.stderr
