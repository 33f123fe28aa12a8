"""A version is healthy while its golden request is answered right, however long the queue is."""

import json
import threading
from collections.abc import Generator, Iterator, Sequence

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.health.version_health import EVERY_S, VersionHealth
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation

X = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}


class Golden(Predictor):
    """`y = 2 x`, as the golden request expects; it answers once `go` is set."""

    def __init__(self) -> None:
        self.metadata = ModelMetadata("m", 1, "none", (TensorSpec("x", "FP32", (-1,)),), ())
        request = {"inputs": [X], "outputs": [{**X, "name": "y", "data": [2]}]}
        self.golden = json.dumps({"tolerance": {}, "requests": [request]}).encode()
        self.factor, self.asked, self.begun, self.go = 2.0, 0, threading.Event(), threading.Event()
        self.go.set()

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        self.asked += 1
        self.begun.set()
        assert self.go.wait(30)
        return {"y": inputs["x"] * np.float32(self.factor)}


def predicting(model: Predictor) -> Generator[Prediction, dict[str, Array], dict[str, Array]]:
    """The operation that sends one row."""
    return (yield Prediction(model, {"x": np.ones(1, np.float32)}))


class World:
    """A model, its lanes with one thread and one place, its health, and a clock."""

    def __init__(self, lanes: Lanes) -> None:
        self.time, self.lanes, self.model = 0.0, lanes, Golden()
        self.health = VersionHealth(self.model, lanes, 60, lambda: self.time)

    def later(self) -> str:
        """What is known once the golden request that is due has been answered."""
        self.time += EVERY_S
        self.health.failure()
        self.lanes.proceed(lambda: None, "m").result(30)  # the lane has one thread
        return self.health.failure()


@pytest.fixture
def world() -> Iterator[World]:
    with Lanes(LaneLimits(threads=1, most_waiting=1)) as lanes:
        made = World(lanes)
        yield made
        made.model.go.set()


def test_it_asks_again_after_ten_seconds_and_not_before(world: World) -> None:
    for _ in range(3):
        assert world.health.failure() == ""
    assert world.model.asked == 0
    assert (world.later(), world.model.asked) == ("", 1)
    for _ in range(3):
        world.health.failure()
    assert world.model.asked == 1


def test_a_wrong_answer_is_a_failure_until_it_is_right_again(world: World) -> None:
    world.model.factor = 3
    assert "answered wrong: output 'y' differs" in world.later()
    world.model.factor = 2
    assert world.later() == ""


def test_a_full_queue_does_not_read_as_broken(world: World) -> None:
    world.model.go.clear()
    running = world.lanes.submit(predicting(world.model), Observation(), "m")
    assert world.model.begun.wait(30)
    waiting = world.lanes.submit(predicting(world.model), Observation(), "m")
    world.time += EVERY_S
    assert world.health.failure() == ""
    assert world.model.asked == 1
    world.model.go.set()
    for each in (running, waiting):
        each.result(30)
    assert world.later() == ""


def test_a_run_that_never_ends_is_noticed(world: World) -> None:
    world.model.go.clear()
    world.lanes.submit(predicting(world.model), Observation(), "m")
    assert world.model.begun.wait(30)
    patient = VersionHealth(world.model, world.lanes, 60)
    impatient = VersionHealth(world.model, world.lanes, 0)
    assert patient.failure() == ""
    assert "a run of it has not ended for" in impatient.failure()


def test_versions_that_are_loaded_later_are_watched_too(world: World) -> None:
    catalog = Catalog({})
    catalog.watch(lambda each: VersionHealth(each, world.lanes, 60, lambda: world.time))
    catalog.put(CatalogModel("m", {1: world.model}))
    health = world.model.health
    assert isinstance(health, VersionHealth)
    world.health = health
    world.model.factor = 3
    assert world.later()
    assert not catalog.ready()
    assert not catalog.below()["m"].ready()
