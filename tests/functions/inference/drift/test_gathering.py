import json
import weakref
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.drift.gathering import MOST_BYTES, MOST_IN_PERIOD, Gathering
from lading.functions.inference.drift.held import MOST_COPIED
from lading.functions.inference.models.prediction import Prediction
from tests.functions.inference.drift.streams import (
    Doubling,
    answered,
    counted_by_numpy,
    lines_of,
    normal,
    note,
    sent,
)


def test_a_line_has_the_counts_of_every_row_of_every_request() -> None:
    gathering, model, rows = Gathering("lading-test"), Doubling(), normal(300, seed=2)
    sent(gathering, model, rows, size=3)
    (line,) = lines_of(gathering)
    assert (line["message"], line["model"], line["version"]) == ("drift", "doubling", "1")
    assert (line["stage"], line["rows"]) == ("lading-test", 1000)
    assert (line["requests"], line["counted"]) == (100, 100)
    assert line["since"] <= line["until"]
    edges = json.loads(model.baseline or b"")["features"][0]["edges"]
    counts = [each["counts"] for each in line["features"] if each["side"] == "inputs"]
    assert counts == counted_by_numpy(rows, edges)
    names = [(each["name"], each["side"]) for each in line["features"]]
    assert names == [
        *[(f"x[{n}]", "inputs") for n in range(3)],
        *[(f"y[{n}]", "outputs") for n in range(3)],
        ("largest of y", "outputs"),
    ]


def test_no_line_has_a_value_of_a_request() -> None:
    gathering, model = Gathering(), Doubling()
    sent(gathering, model, np.full((50, 3), 0.123456789, np.float32))
    (line,) = gathering.lines()
    assert "0.123" not in line


def test_a_line_says_nothing_twice() -> None:
    gathering, model = Gathering(), Doubling()
    sent(gathering, model, normal(2, 3))
    assert [line["requests"] for line in lines_of(gathering)] == [2]
    assert gathering.lines() == []


def test_each_version_has_its_line() -> None:
    gathering, first, second = Gathering(), Doubling(), Doubling(version=2)
    sent(gathering, first, normal(3, 5))
    sent(gathering, second, normal(4, 6))
    found = [(line["version"], line["requests"]) for line in lines_of(gathering)]
    assert found == [("1", 3), ("2", 4)]


def test_small_arrays_are_copied_and_large_ones_held_until_a_group_is_full() -> None:
    gathering, model = Gathering(), Doubling()
    small, large = normal(1, 1), normal(MOST_COPIED, 2)
    held = [weakref.ref(array) for array in (small, large)]
    note(gathering, (Prediction(model, {"x": small, "more": large}), {}))
    del small, large
    assert [array() is not None for array in held] == [False, True]
    for seed in range(MOST_IN_PERIOD - 1):
        note(gathering, answered(model, normal(1, seed)))
    assert held[1]() is None


@pytest.mark.parametrize("kept", ["array", "body", "text"])
def test_what_is_held_is_limited_by_the_bytes_that_stay_in_memory(kept: str) -> None:
    """A view keeps the whole body of its request."""
    gathering, model = Gathering(), Doubling()
    body = bytes(MOST_BYTES // 2)
    texts = np.array([body[: MOST_BYTES // 32]], np.object_)
    inputs: dict[str, Any] = {
        "array": {"x": np.zeros((MOST_BYTES // 24, 3), np.float32)},
        "body": {"x": np.frombuffer(body, np.float32, MOST_COPIED)},
        "text": {"x": normal(1, 1), "text": texts},
    }[kept]
    outputs = {"y": np.zeros((1, 3), np.float32)}
    held = []
    for _ in range(3):
        note(gathering, (Prediction(model, inputs), outputs))
        held.append(sum(group.held for group in gathering._groups.values()))
    assert held == [1, 0, 1]


def test_of_many_requests_some_are_counted_and_the_line_says_how_many() -> None:
    gathering, model, row = Gathering(), Doubling(), normal(1, 1)
    made = answered(model, row)
    steps = []
    for _ in range(3):
        for _ in range(20 * MOST_IN_PERIOD):
            note(gathering, made)
        (line,) = lines_of(gathering)
        assert sum(line["features"][0]["counts"]) == line["counted"]
        steps.append(line["requests"] / line["counted"])
    assert steps[0] > 2
    for _, step in pairwise(steps):
        assert step == pytest.approx(20, rel=0.4)


def test_requests_are_chosen_at_random_so_that_callers_who_take_turns_count_alike() -> None:
    gathering, model = Gathering(), Doubling()
    low, high = (answered(model, np.full((1, 3), value, np.float32)) for value in (-99, 99))
    below = counted = 0
    for period in range(20):
        for _ in range(5 * MOST_IN_PERIOD):
            note(gathering, low)
            note(gathering, high)
        (line,) = lines_of(gathering)
        counts = line["features"][0]["counts"]
        assert counts[0] + counts[-2] == line["counted"]
        if period:
            below, counted = below + counts[0], counted + line["counted"]
    assert counted < 40 * MOST_IN_PERIOD, "one of ten is counted"
    assert 0.4 < below / counted < 0.6


def test_a_version_without_requests_is_forgotten() -> None:
    gathering, model = Gathering(), Doubling()
    sent(gathering, model, normal(3, 1))
    for _ in range(2):
        gathering.lines()
    gone = weakref.ref(model)
    del model
    assert gone() is None
