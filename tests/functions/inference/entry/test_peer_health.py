"""A worker that does not answer, or whose event loop stands still, makes the server not ready."""

import copy
from pathlib import Path

from lading.functions.inference.entry.peer_health import (
    EVERY_S,
    QUESTION,
    Heartbeat,
    PeerHealth,
    own_failure,
)
from lading.functions.inference.entry.peers import Peers
from lading.functions.inference.loading.catalog import load_catalog
from tests.support.waiting import until
from tests.support.worlds import settings_for, times


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_an_event_loop_that_stands_still_is_a_failure_of_its_worker(tmp_path: Path) -> None:
    clock, catalog = Clock(), load_catalog(settings_for(tmp_path, {"m": {1: times(2)}}))
    heartbeat = Heartbeat(30, clock)
    clock.time = 31
    assert own_failure(catalog, heartbeat) == "its event loop has stood still for 31 s"
    heartbeat.beat()
    assert own_failure(catalog, heartbeat) == ""


def test_each_worker_tells_the_failure_of_another(tmp_path: Path) -> None:
    clock, reasons = Clock(), ["", "model 'm' version 1: it is broken", ""]
    mine = Peers(2)
    other = copy.copy(mine)
    other.answer(1, {QUESTION: lambda _: reasons.pop(0)})
    health = PeerHealth(mine, clock)
    for expected in ("", "model 'm' version 1: it is broken", ""):
        health.ask()
        assert health.failure() == expected


def test_the_others_are_asked_in_a_thread_and_at_most_every_ten_seconds() -> None:
    clock, asked = Clock(), []
    mine = Peers(2)
    other = copy.copy(mine)
    other.answer(1, {QUESTION: lambda _: asked.append(1) or "it is broken"})  # type: ignore[func-returns-value]
    health = PeerHealth(mine, clock)
    for _ in range(3):
        assert health.failure() == ""
    assert not asked
    clock.time = EVERY_S
    assert until(health.failure) == "it is broken"
    assert len(asked) == 1
