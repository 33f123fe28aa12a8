"""A change of the models reaches every worker, or none."""

import copy
from pathlib import Path
from typing import NamedTuple

import pytest

from lading.functions.contract.errors import ModelConflict, ModelNotFound, ModelUnavailable
from lading.functions.inference.entry.peers import Peers
from lading.functions.inference.entry.shared_control import SharedControl, SharedTurn
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.wire.messages import Observation
from tests.support.worlds import echo, settings_for


class Worker(NamedTuple):
    """A worker of this process: its models, and their control."""

    catalog: Catalog
    control: SharedControl


class Team:
    """Workers that are started one after the other.

    Args:
        root: the folder of the models.
        count: how many there may be.
    """

    def __init__(self, root: Path, count: int = 2) -> None:
        self.root = root
        self._peers, self._turn = Peers(count), SharedTurn()

    def start(self, number: int, root: Path | None = None) -> Worker:
        catalog = Catalog({})
        peers = copy.copy(self._peers)
        own = ModelControl(catalog, root or self.root)
        control = SharedControl(own, peers, self._turn)
        peers.answer(number, control.answers())
        return Worker(catalog, control)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    settings_for(tmp_path, {"m": {1: echo(), 2: echo()}, "n": {1: echo()}})
    return Team(tmp_path)


def served(worker: Worker) -> dict[str, list[int]]:
    return {model.name: sorted(model.versions) for model in worker.catalog.models()}


def test_a_load_and_an_unload_reach_every_worker(team: Team) -> None:
    workers = [team.start(0), team.start(1)]
    workers[0].control.load("m")
    assert [served(worker) for worker in workers] == [{"m": [1, 2]}] * 2
    workers[1].control.set_default("m", 1)
    workers[0].control.unload("m", 2)
    assert [served(worker) for worker in workers] == [{"m": [1]}] * 2
    workers[1].control.unload("m")
    assert [served(worker) for worker in workers] == [{}] * 2


def test_what_one_worker_cannot_load_none_serves(team: Team, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    workers = [team.start(0), team.start(1, empty)]
    with pytest.raises(ModelUnavailable, match="model 'm' is not found; served here: none"):
        workers[0].control.load("m")
    with pytest.raises(ModelNotFound):
        workers[1].control.load("m")
    assert [served(worker) for worker in workers] == [{}, {}]


def test_what_a_worker_refuses_no_worker_does(team: Team) -> None:
    workers = [team.start(0), team.start(1)]
    workers[0].control.load("m")
    with pytest.raises(ModelConflict):
        workers[0].control.unload("m", 2)
    with pytest.raises(ModelNotFound):
        workers[1].control.unload("n")
    assert [served(worker) for worker in workers] == [{"m": [1, 2]}] * 2


def test_a_worker_that_is_started_again_makes_the_changes_of_the_others(team: Team) -> None:
    first = team.start(0)
    changes = [
        [1, "load", "m", ""],
        [2, "load", "n", ""],
        [3, "unload", "n", None],
        [4, "default", "m", 1],
    ]
    first.control.answers()["follow"](changes)
    again = team.start(1)
    assert served(again) == {}
    again.control.catch_up()
    assert served(again) == {"m": [1, 2]}
    assert again.catalog.model("m").default_version() == 1


def test_a_change_that_only_some_workers_know_is_made_by_all(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: echo()}, "n": {1: echo()}})
    team = Team(tmp_path, 3)
    first, second = team.start(0), team.start(1)
    first.control.answers()["follow"](
        [[1, "load", "m", ""], [2, "load", "n", ""], [3, "unload", "m", None]]
    )
    assert (served(first), served(second)) == ({"n": [1]}, {})
    third = team.start(2)
    third.control.catch_up()
    assert [served(worker) for worker in (first, second, third)] == [{"n": [1]}] * 3


def test_a_model_loaded_again_leaves_one_change_behind(team: Team) -> None:
    first, second = team.start(0), team.start(1)
    for _ in range(5):
        first.control.load("m")
    assert len(second.control.answers()["changes"](None)) == 1


def test_the_statistics_are_those_of_all_workers(team: Team) -> None:
    workers = [team.start(0), team.start(1)]
    for worker in workers:
        seen = Observation(1.0, "plain", "m", 1, 1.25, 1.5, ended=2.0)
        worker.control.statistics.note(seen, 200)
    tally = workers[0].control.statistics.of("m", 1)
    assert (tally.counts["success"], tally.nanoseconds["compute_infer"]) == (2, 500_000_000)
