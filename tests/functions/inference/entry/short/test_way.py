"""On the short way, what arrives together is predicted together, and nobody notices others."""

import json
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.loading.catalog import CatalogModel
from tests.support.predictors import Gated
from tests.support.two_ways import Way, running
from tests.support.waiting import until
from tests.support.worlds import settings_for, times, write_artifact

NONE = {"largest_difference": 0.0, "largest_relative_difference": 0.0, "label_flips": 0}
EXACT = {"rows": 8, "sizes": [2, 8], **NONE, "beside_unusual_rows": NONE}
"""What packaging writes of a model whose answers do not depend on other rows."""


THREADS = 2
"""Threads of a model's lane in these servers."""


def request(*rows: list[Any], path: str = "/predict/m", more: str = "") -> bytes:
    body = json.dumps({"inputs": rows}).encode()
    return (
        f"POST {path} HTTP/1.1\r\nhost: x\r\n{more}content-length: {len(body)}\r\n\r\n".encode()
        + body
    )


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def read(connection: socket.socket) -> bytes:
    """One small answer, which comes whole."""
    return connection.recv(1 << 16)


@contextmanager
def way(root: Path, *, short: bool = True, **changes: Any) -> Iterator[Way]:
    """A server of a model that triples, which knows its route and has measured it quick."""
    settings = settings_for(root, {"m": {1: times(3)}})
    digest = write_artifact(root, "m", 1, times(3), **changes)
    served = settings.models[0]._replace(versions={1: digest})
    with running(settings._replace(models=(served,)), short=short) as running_way:
        model = running_way.catalog.model("m").predictor(1)

        def quick() -> bool:
            running_way.send(request([1, 2]))
            return running_way.lanes.predict_here(model, []) is not None

        for _ in range(8):
            running_way.send(request([1, 2]))
        until(quick)
        yield running_way


@contextmanager
def held(loop_of: Way) -> Iterator[None]:
    """Let the event loop do nothing until the end of the block."""
    assert loop_of.short is not None
    reached, release = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        release.wait(30)

    loop_of.short.loop.call_soon_threadsafe(hold)
    assert reached.wait(30)
    try:
        yield
    finally:
        release.set()


def together(served: Way, *sent: bytes) -> list[bytes]:
    """What is answered to requests that arrive in one turn of the loop, a connection for each."""
    connections = [served.connect() for _ in sent]
    for connection in connections:  # each has been accepted before the loop is held
        connection.sendall(request([0, 0]))
        read(connection)
    with held(served):
        for connection, each in zip(connections, sent, strict=True):
            connection.sendall(each)
    answers = [body_of(read(connection)) for connection in connections]
    for connection in connections:
        connection.close()
    return answers


@pytest.mark.parametrize(
    ("changes", "runs"), [({"batch": EXACT}, 1), ({}, 4)], ids=["exact", "not"]
)
def test_rows_of_one_turn_share_a_run_if_the_artifact_says_that_they_may(
    tmp_path: Path, changes: dict[str, Any], runs: int
) -> None:
    with way(tmp_path, **changes) as served:
        rows = [[1, 2]], [[3, 4], [5, 6]], [[7, 8]], [[9, 10]]
        before = len(served.started)
        answers = together(served, *[request(*each) for each in rows])
    assert [json.loads(each)["outputs"]["y"] for each in answers] == [
        [[3 * value for value in row] for row in each] for each in rows
    ]
    assert len(set(served.started[before + len(rows) :])) == runs


def test_a_wrong_request_among_others_is_refused_alone(tmp_path: Path) -> None:
    with way(tmp_path, batch=EXACT) as served:
        wrong = request([1, 2]).replace(b"[1", b"{1")
        texts = request(["a", "b"])
        first, refused, last, kind = together(
            served, request([1, 2]), wrong, request([4, 5]), texts
        )
    assert json.loads(first)["outputs"] == {"y": [[3.0, 6.0]]}
    assert json.loads(last)["outputs"] == {"y": [[12.0, 15.0]]}
    assert b"not JSON" in refused
    assert b"must be numbers" in kind


@pytest.mark.parametrize("short", [True, False], ids=["short way", "application"])
def test_a_body_that_breaks_off_is_logged_as_such(tmp_path: Path, short: bool) -> None:
    with way(tmp_path, short=short) as served:
        served.lines.taken(18)
        with served.connect() as connection:
            connection.sendall(request([1, 2])[:-3])
        (line,) = served.lines.taken(1)
    assert (line["status"], line["error"], line["path"]) == (499, "CallerGone", "/predict/m")
    assert (line["reason"], line["dialect"]) == (
        "the caller closed the connection before the body was complete",
        "none",
    )


def test_a_model_that_is_unloaded_or_loaded_again_is_seen_at_once(tmp_path: Path) -> None:
    with way(tmp_path / "a") as served, way(tmp_path / "b") as other:
        model = other.catalog.model("m")
        served.catalog.drop("m")
        assert served.send(request([1, 2])).startswith(b"HTTP/1.1 404 ")
        served.catalog.put(model)
        assert b'"y":[[3.0,6.0]]' in served.send(request([1, 2]))


def test_answers_of_shared_runs_are_those_of_single_ones(tmp_path: Path) -> None:
    anything = random.Random(3)  # noqa: S311 # not for secrets
    with way(tmp_path, batch=EXACT) as served:
        for _ in range(8):
            sent = [
                request(*([anything.gauss(0, 9), anything.gauss(0, 9)] for _ in range(rows)))
                for rows in (anything.choice((1, 1, 2, 5, 20)) for _ in range(12))
            ]
            before = len(served.started)
            joint = together(served, *sent)
            until(partial(counted, served, before + 2 * len(sent)))
            runs = served.started[-len(sent) :]
            assert len(set(runs)) < len(runs)
            assert joint == [body_of(served.send(each, end=b"")) for each in map(closing, sent)]


def counted(served: Way, count: int) -> bool:
    return len(served.started) == count


def closing(sent: bytes) -> bytes:
    """The request, after which the server closes the connection."""
    return sent.replace(b"host: x", b"host: x\r\nconnection: close", 1)


@contextmanager
def waiting(root: Path) -> Iterator[tuple[Way, Gated, list[socket.socket]]]:
    """A server, a model whose gate is closed, and the connections that occupy its threads.

    The model is loaded under the name of a quick one, and has to be measured itself.
    """
    with way(root) as served:
        served.send(infer({}), end=closing(infer({})))
        model = Gated("m")
        model.gate.clear()
        served.catalog.put(CatalogModel("m", {1: model}))
        connections = [served.connect() for _ in range(THREADS)]
        for connection in connections:
            connection.sendall(request([1]))
        until(lambda: len(model.runs) == THREADS)
        served.lines.taken(11)
        try:
            yield served, model, connections
        finally:
            model.gate.set()
            for connection in connections:
                connection.close()


def infer(parameters: dict[str, Any]) -> bytes:
    """A request of the Open Inference Protocol."""
    x = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [7]}
    body = json.dumps({"inputs": [x], "parameters": parameters}).encode()
    head = f"POST /v2/models/m/infer HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def waits(served: Way, count: int) -> bool:
    return sum(lane.waiting for lane in served.lanes.states()) == count


def test_a_request_in_a_thread_is_answered_when_the_server_stops(tmp_path: Path) -> None:
    with waiting(tmp_path) as (served, model, connections):
        before = taken(served)
        served.server.handle_exit(signal.SIGTERM, None)
        until(lambda: served.listener.fileno() == -1)
        with held(served):
            """End once the server has marked its connections to close."""
        model.gate.set()
        for connection in connections:
            answer = read(connection)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nconnection: close\r\n" in answer
            assert body_of(answer).endswith(b'{"x":[[2.0]]}}')
            assert connection.recv(1) == b""
        assert [line["status"] for line in served.lines.taken(THREADS)] == [200] * THREADS
        assert taken(served) == before
    assert not served.thread.is_alive()


def taken(served: Way) -> int:
    assert served.short is not None
    return served.short.taken


def test_a_caller_that_leaves_while_its_request_waits_is_logged_and_nothing_is_started(
    tmp_path: Path,
) -> None:
    with waiting(tmp_path) as (served, model, connections):
        before = taken(served)
        with served.connect() as leaving:
            leaving.sendall(request([5]))
            until(lambda: waits(served, 1))
        (line,) = served.lines.taken(1)
        assert taken(served) == before + 1
        assert (line["status"], line["error"]) == (499, "CallerGone")
        assert line["reason"] == "the caller closed the connection before a thread was free"
        assert waits(served, 0)
        model.gate.set()
        assert all(read(connection).startswith(b"HTTP/1.1 200") for connection in connections)
    assert model.runs == [[1]] * THREADS


def test_a_request_is_not_started_after_the_timeout_that_it_states(tmp_path: Path) -> None:
    with waiting(tmp_path) as (served, model, _):
        before = taken(served)
        with served.connect() as late, served.connect() as patient:
            late.sendall(infer({"timeout": 1}))
            until(lambda: waits(served, 1))
            patient.sendall(infer({"timeout": 10**9}))
            until(lambda: waits(served, 2))
            model.gate.set()
            answer, good = read(late), read(patient)
        assert taken(served) == before + 2
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert b"the deadline of the request passed after" in body_of(answer)
        assert good.startswith(b"HTTP/1.1 200 ")
    assert model.runs == [[1], [1], [7]]
