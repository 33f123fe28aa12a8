"""On the short way, what arrives together is predicted together, and nobody notices others."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.two_ways import Way, running
from tests.support.worlds import settings_for, times, write_artifact

NONE = {"largest_difference": 0.0, "largest_relative_difference": 0.0, "label_flips": 0}
EXACT = {"rows": 8, "sizes": [2, 8], **NONE, "beside_unusual_rows": NONE}
"""What packaging writes of a model whose answers do not depend on other rows."""


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
        for _ in range(9):
            running_way.send(request([1, 2]))
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
