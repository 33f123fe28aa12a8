"""The value of a header decides which version of a split model answers."""

from collections import Counter
from math import sqrt

import pytest

from lading.functions.contract.split import VersionSplit, point_of

KEYS = [f"user-{number}" for number in range(20_000)]


def chosen(split: VersionSplit, model: str = "digits") -> dict[str, int]:
    return {key: split.choose(model, {split.key: key}) for key in KEYS}


@pytest.mark.parametrize(
    "percents", [{3: 90, 4: 10}, {3: 50, 4: 50}, {1: 33.3, 2: 33.3, 9: 33.4}, {3: 99.5, 4: 0.5}]
)
def test_each_version_gets_its_share_of_the_keys(percents: dict[int, float]) -> None:
    counts = Counter(chosen(VersionSplit(percents, "x-user-id")).values())
    for version, percent in percents.items():
        share = percent / 100
        deviation = sqrt(len(KEYS) * share * (1 - share))
        assert abs(counts[version] - share * len(KEYS)) < 4 * deviation


def test_a_key_has_the_same_place_in_every_process_and_release() -> None:
    points = [point_of("digits", key) for key in ("user-1", "user-2", "Zoë")]
    assert points == [0.6714886752048296, 0.38565243563485097, 0.7417862663028397]


@pytest.mark.parametrize(
    ("percents", "only"), [({3: 100, 4: 0}, 3), ({3: 0, 4: 100}, 4), ({1: 0, 3: 100, 9: 0}, 3)]
)
def test_a_version_with_0_percent_gets_no_request(percents: dict[int, float], only: int) -> None:
    split = VersionSplit(percents)
    assert {split.at(point) for point in (0.0, 0.5, 1 - 2**-53)} == {only}


def test_when_the_newest_gets_more_only_the_keys_that_it_gains_change() -> None:
    before = chosen(VersionSplit({3: 90, 4: 10}, "x-user-id"))
    after = chosen(VersionSplit({3: 70, 4: 30}, "x-user-id"))
    moved = {(before[key], after[key]) for key in KEYS if before[key] != after[key]}
    assert moved == {(3, 4)}


def test_two_models_divide_the_same_keys_independently() -> None:
    split = VersionSplit({3: 50, 4: 50}, "x-user-id")
    one, other = chosen(split, "digits"), chosen(split, "letters")
    same = sum(one[key] == other[key] for key in KEYS)
    assert abs(same - len(KEYS) / 2) < 4 * sqrt(len(KEYS)) / 2


@pytest.mark.parametrize("key", ["", "x-user-id"])
def test_without_the_header_the_idempotency_key_decides(key: str) -> None:
    split = VersionSplit({3: 50, 4: 50}, key)
    found = {split.choose("digits", {"idempotency-key": "order-1"}) for _ in range(50)}
    assert len(found) == 1
    other = {split.choose("digits", {"idempotency-key": each}) for each in KEYS[:50]}
    assert other == {3, 4}


def test_without_any_key_chance_decides() -> None:
    split = VersionSplit({3: 70, 4: 30}, "x-user-id")
    counts = Counter(split.choose("digits", {"x-user-id": ""}) for _ in range(2000))
    assert abs(counts[4] - 600) < 6 * sqrt(2000 * 0.7 * 0.3)
