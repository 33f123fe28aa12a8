"""Counts of several threads and processes add up, in one snapshot that is plain JSON."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lading.functions.contract.watched import Figure, Kind
from lading.functions.inference.observability.families import Registry, Snapshot, together

REQUESTS = Figure("requests", "Requests.", ("model",))
SECONDS = Figure("seconds", "Seconds.", ("model",), Kind.HISTOGRAM, (0.1, 1.0))


def test_a_value_is_counted_up_to_its_bound_and_above_all_in_the_last_bucket() -> None:
    registry = Registry()
    series = registry.register(SECONDS).series("m")
    values = (0.0, 0.1, 0.11, 1.0, 1.5, 60.0)
    series.observe_all(np.array(values[:4]))
    series.observe_all(np.array(values[4:]))
    ((labels, created, numbers, _),) = registry.snapshot()["seconds"]
    assert (labels, numbers) == (("m",), [2, 2, 2, pytest.approx(sum(values))])
    assert created == series.created > 0


def test_a_gauge_is_read_at_each_snapshot() -> None:
    registry, waiting = Registry(), [1]
    registry.register_read(
        Figure("waiting", "Requests that wait.", ("model",), Kind.GAUGE),
        lambda: [(("m",), float(len(waiting)))],
    )
    assert registry.snapshot()["waiting"] == [(("m",), 0.0, [1.0], [])]
    waiting.append(2)
    assert registry.snapshot()["waiting"] == [(("m",), 0.0, [2.0], [])]


def test_no_count_of_many_threads_is_lost() -> None:
    registry = Registry()
    family = registry.register(REQUESTS)

    def count(_: int) -> None:
        for _turn in range(2000):
            with registry.turn:
                family.series("m").count()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(4)))
    assert registry.snapshot()["requests"][0][2] == [8000.0]


def test_processes_add_up_and_are_as_ready_as_the_least_ready_one() -> None:
    ready = Figure("ready", "Whether it is ready.", ("model",), Kind.GAUGE, least=True)
    registry = Registry()
    registry.register(REQUESTS)
    registry.register(SECONDS)
    registry.register_read(ready, tuple)
    first: Snapshot = {"requests": [(("m",), 5.0, [2.0], [])], "ready": [(("m",), 0.0, [1.0], [])]}
    second: Snapshot = {
        "requests": [(("m",), 4.0, [3.0], []), (("n",), 6.0, [1.0], [])],
        "seconds": [(("m",), 4.0, [1.0, 0.0, 2.0, 7.5], [])],
        "ready": [(("m",), 0.0, [0.0], [])],
    }
    sent = json.loads(json.dumps(second))
    assert together([first, sent, sent], registry.figures()) == {
        "requests": [(("m",), 4.0, [8.0], []), (("n",), 6.0, [2.0], [])],
        "seconds": [(("m",), 4.0, [2.0, 0.0, 4.0, 15.0], [])],
        "ready": [(("m",), 0.0, [0.0], [])],
    }


def test_the_newest_request_of_each_bucket_stays() -> None:
    def entry(*exemplars: tuple[str, float, float] | None) -> Snapshot:
        return {"seconds": [(("m",), 1.0, [1.0, 1.0, 0.0, 0.6], [*exemplars, None])]}

    older, newer = ("a", 0.05, 10.0), ("b", 0.06, 11.0)
    sent = json.loads(json.dumps(entry(newer, None)))
    merged = together([entry(older, ("c", 0.5, 1.0)), sent], [SECONDS])["seconds"]
    assert [tuple(it) if it else None for it in merged[0][3]] == [newer, ("c", 0.5, 1.0), None]
