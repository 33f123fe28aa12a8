"""Several processes of a container are one server to callers, scrapers and operators."""

import os
import signal
from pathlib import Path

import httpx
import numpy as np
import pytest
from onnx import helper, numpy_helper

from tests.functions.inference.entry.test_container import Container, refused, running
from tests.support.interpreter import run_clean
from tests.support.waiting import until
from tests.support.worlds import FLOAT, onnx_model, settings_for, times


def children(container: Container) -> list[int]:
    """The processes of the workers."""
    own = container.process.pid
    return [int(it) for it in Path(f"/proc/{own}/task/{own}/children").read_text().split()]


def private_bytes(process: int) -> int:
    """The memory of a process that it shares with no other."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))


def ask_anew(container: Container, count: int = 12) -> set[int]:
    """The statuses of predictions, each over a connection of its own."""
    url = f"http://127.0.0.1:{container.port}/predict/m"
    return {httpx.post(url, json={"inputs": [[3]]}, timeout=30).status_code for _ in range(count)}


def counted(container: Container, status: int) -> float:
    page = container.client.get("/metrics").text
    lines = [line for line in page.splitlines() if line.startswith("lading_requests_total")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if f'status="{status}"' in line)


def inferences(container: Container) -> int:
    (stats,) = container.client.get("/v2/models/m/stats").json()["model_stats"]
    return int(stats["inference_count"])


def test_workers_answer_count_load_and_unload_as_one_server(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    told = {"LADING_WORKERS": "2", "LADING_MODEL_CONTROL": "explicit"}
    with running(tmp_path, **told) as container:
        assert len(children(container)) == 2
        assert ask_anew(container) == {200}
        until(lambda: counted(container, 200) >= 12)  # each worker counts after it has answered
        until(lambda: inferences(container) == 12)
        assert container.client.post("/v2/repository/models/m/unload").status_code == 200
        assert ask_anew(container) == {404}
        assert container.client.post("/v2/repository/models/x/load").status_code == 404
        assert container.client.post("/v2/repository/models/m/load").status_code == 200
        assert ask_anew(container) == {200}


@pytest.mark.slow
def test_a_worker_that_dies_is_started_again_with_the_models_of_the_others(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    told = {"LADING_WORKERS": "2", "LADING_MODEL_CONTROL": "explicit"}
    with running(tmp_path, **told) as container:
        assert container.client.post("/v2/repository/models/m/unload").status_code == 200
        first = children(container)
        for process in first:
            os.kill(process, signal.SIGKILL)
            until(lambda process=process: process not in children(container))  # type: ignore[misc]
            until(lambda: len(children(container)) == 2)
            assert ask_anew(container, 6) == {404}
        assert not {*first} & {*children(container)}


def test_told_to_end_the_workers_end_and_then_the_parent(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path, LADING_WORKERS="2") as container:
        workers = children(container)
        assert container.end(signal.SIGTERM) == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


@pytest.mark.slow
def test_workers_do_not_outlive_their_parent(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path, LADING_WORKERS="2") as container:
        workers = children(container)
        container.end(signal.SIGKILL)
        until(lambda: not any(_runs(worker) for worker in workers))


def _runs(process: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


@pytest.mark.slow
def test_an_error_of_a_workers_own_ends_the_container(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    with running(tmp_path) as other:
        said = refused(tmp_path, LADING_WORKERS="2", LADING_GRPC_PORT=str(other.port))
        assert "error: " in said


@pytest.mark.slow
def test_the_weights_are_in_memory_once(tmp_path: Path) -> None:
    weights = np.ones((1024, 16384), np.float32)
    model = onnx_model(
        {"x": (FLOAT, ["batch", 1024])},
        {"y": (FLOAT, ["batch", 1])},
        helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(weights)),
        helper.make_node("MatMul", ["x", "w"], ["wide"]),
        helper.make_node("ReduceMax", ["wide"], ["y"], axes=[1]),
    )
    settings_for(tmp_path, {"m": {1: model}})
    with running(tmp_path, LADING_WORKERS="2") as container:
        for _ in range(12):
            answer = httpx.post(
                f"http://127.0.0.1:{container.port}/predict",
                json={"inputs": [[1] * 1024]},
                timeout=30,
            )
            assert answer.json()["outputs"] == {"y": [[1024.0]]}
        assert all(private_bytes(worker) < weights.nbytes / 2 for worker in children(container))


HURRIED = """
import os, signal
from lading.functions.inference.entry.workers import fork_workers

fork, told = os.fork, []

def fork_and_be_told_to_end():
    process = fork()
    if process and not told:
        told.append(process)
        os.kill(os.getpid(), signal.SIGTERM)
    return process

os.fork = fork_and_be_told_to_end
fork_workers(3)
while True:
    signal.pause()
"""


def test_told_to_end_while_workers_are_started_it_starts_no_more_and_ends() -> None:
    assert run_clean(HURRIED, {}) == []
