"""Containers that keep SageMaker's contract, and those that do not: started, asked, and ended."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from lading.emulator.engines.container_process import (
    ContainerTimeouts,
    EngineProcess,
    service_container,
)
from lading.emulator.errors import ContainerNotReady
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from tests.emulator.harness import ends
from tests.support.emulator_sagemaker import QUICK, contrary, endpoint, quick, serving
from tests.support.interpreter import ROOT
from tests.support.worlds import settings_for, times

SHORT = ContainerTimeouts(ping=0.2, start=0.6, stop=0.3)


def running(folder: Path) -> list[int]:
    """Processes of the tests' engine that write to `folder`'s log."""
    log = str(folder / "engine.log")
    found = []
    for entry in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if str(entry.readlink()) == log:
                found.append(int(entry.parts[2]))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("habit", "text"),
    [
        ("exits", "ended before it was ready"),
        ("unhealthy", "did not answer /ping with 200 within 0.6 s"),
        ("never-pings", "did not answer /ping with 200 within 0.6 s"),
    ],
)
def test_one_that_does_not_become_ready_is_refused_and_gone(
    tmp_path: Path, habit: str, text: str
) -> None:
    timeouts = QUICK if habit == "exits" else SHORT
    engine = contrary(tmp_path, habit, timeouts=timeouts)
    with pytest.raises(ContainerNotReady, match=text) as caught:
        asyncio.run(engine.start())
    assert str(tmp_path / "engine.log") in str(caught.value)
    assert not running(tmp_path)


def test_what_it_says_is_in_its_log(tmp_path: Path) -> None:
    with pytest.raises(ContainerNotReady):
        asyncio.run(contrary(tmp_path, "exits").start())
    assert (tmp_path / "engine.log").read_text() == "no model here\n"


def test_one_that_ignores_sigterm_is_killed_and_its_log_says_so(tmp_path: Path) -> None:
    async def start_and_stop() -> None:
        engine = contrary(tmp_path, "stays", timeouts=ContainerTimeouts(ping=5, start=60, stop=0.3))
        await engine.start()
        assert running(tmp_path)
        await engine.stop()

    asyncio.run(start_and_stop())
    assert not running(tmp_path)
    assert "still running 0.3 s after SIGTERM; killed" in (tmp_path / "engine.log").read_text()


def test_one_that_ends_when_asked_is_not_killed(tmp_path: Path) -> None:
    with serving(endpoint(tmp_path, limits=quick())):
        assert running(tmp_path)
    assert not running(tmp_path)
    assert (tmp_path / "engine.log").read_text() == ""


def model_error(served: Any, body: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        served.invoke(json.dumps(body).encode())
    assert caught.value.response["Error"]["Code"] == "ModelError"
    return dict(caught.value.response)


def test_one_that_dies_of_a_request_fails_it_and_is_started_again(tmp_path: Path) -> None:
    with serving(endpoint(tmp_path, limits=quick())) as served:
        error = model_error(served, {"exit": 3})
        assert error["OriginalStatusCode"] == 0
        assert served.invoke()["ContentType"] == "application/json"
    assert "closed the connection before the response ended" in served.accesses[0].reason


def test_one_that_dies_and_does_not_come_back_says_where_to_look(tmp_path: Path) -> None:
    engine = contrary(tmp_path)
    with serving(LocalEndpoint("e", engine, limits=quick())) as served:
        engine.program = contrary(tmp_path, "exits").program
        model_error(served, {"exit": 3})
        model_error(served, {})
    assert "ended before it was ready; see" in served.accesses[-1].reason


def test_one_that_takes_too_long_is_timed_out(tmp_path: Path) -> None:
    with serving(endpoint(tmp_path, limits=quick(seconds=0.3))) as served:
        error = model_error(served, {"sleep": 2})
        assert error["OriginalStatusCode"] == 0
        assert "Your invocation timed out" in error["OriginalMessage"]
    assert served.accesses[-1].reason == "the container exceeded its time limit of 0.3 s"


def test_one_that_dies_in_mid_stream_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    with serving(endpoint(tmp_path, limits=quick())) as served:
        body = json.dumps({"stream": ["one", "two"], "break": True}).encode()
        ask = served.client.invoke_endpoint_with_response_stream
        events = ask(EndpointName="e", Body=body)["Body"]

        def parts() -> Iterator[bytes]:
            yield from (event["PayloadPart"]["Bytes"] for event in events)

        received = parts()
        assert [next(received), next(received)] == [b"one", b"two"]
        with pytest.raises(EventStreamError, match="connection was closed before the response"):
            next(received)
        events.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.emulator.harness import ends
from tests.support.emulator_sagemaker import contrary

async def main():
    await contrary(Path(sys.argv[1])).start()
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the tether is Linux's")
def test_it_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        started = running(tmp_path)
        parent.send_signal(signal.SIGKILL)
    assert started
    assert all(map(ends, started))


def test_the_services_own_container_is_one(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    engine = EngineProcess("e", service_container(tmp_path), tmp_path / "engine.log")
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3]}]}
    with serving(LocalEndpoint("e", engine)) as served:
        answer = served.invoke(json.dumps(body).encode(), ContentType="application/json")
    assert json.loads(answer["Body"])["outputs"][0]["data"] == [6]
