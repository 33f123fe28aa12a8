import json

import pytest

from lading.functions.drift.windows import sum_lines
from tests.functions.drift.lines import line


def test_lines_of_one_version_add_up() -> None:
    first = line([0, 1, 2, 0, 0], since=5, until=7, requests=9)
    second = line([1, 1, 1, 1, 1], since=7, until=11)
    (window,) = sum_lines([first, second])
    assert window.features[0].counts == [1, 2, 3, 1, 1]
    assert (window.since, window.until, window.lines) == (5, 11, 2)
    assert (window.requests, window.counted) == (14, 8)
    assert window.features[0].rows == 8


def test_versions_stages_and_baselines_stay_apart() -> None:
    counts = [0, 1, 0, 0, 0]
    lines = [
        *(line(counts), line(counts, version="2"), line(counts, model="n")),
        *(line(counts, stage="lading-dev"), line(counts, baseline="c")),
    ]
    found = [(each.model, each.version, each.stage, each.baseline) for each in sum_lines(lines)]
    wanted = [("m", "1", "", "b"), ("m", "1", "", "c"), ("m", "1", "lading-dev", "b")]
    assert found == [*wanted, ("m", "2", "", "b"), ("n", "1", "", "b")]


def test_what_stands_before_a_line_is_skipped() -> None:
    (window,) = sum_lines([f"2026-11-30T00:00:00 stream {line([0, 1, 0, 0, 0])}\n"])
    assert window.lines == 1


def test_only_lines_of_the_time_are_summed() -> None:
    lines = [line([0, 1, 0, 0, 0], since=at, until=at + 10) for at in (0, 100, 200)]
    (window,) = sum_lines(lines, since=50, until=150)
    assert (window.since, window.lines) == (100, 1)


@pytest.mark.parametrize(
    "damaged",
    [
        "drift",
        '{"message": "drift"',
        '{"message": "drift"}',
        '{"message": "request", "error": "drift"}',
        '["drift"]',
        line([0, 1, 0, 0, 0], features=[{"name": "x"}]),
        line([0, 1]),
        line([0, 1, 0, 0, 0], requests="many"),
        line([0, 1, 0, 0, 0], features=7),
        json.dumps({"message": "drift", "reason": "nothing is counted"}),
        "{" * 5000 + '"drift"',
    ],
)
def test_other_and_damaged_lines_are_ignored(damaged: str) -> None:
    (window,) = sum_lines([damaged, line([0, 1, 0, 0, 0])])
    assert window.lines == 1


def test_a_line_of_other_features_does_not_mix_with_the_others() -> None:
    entry = json.loads(line([0, 1, 0, 0, 0]))["features"][0]
    other = line([0, 1, 0, 0, 0], features=[{**entry, "name": "y"}])
    (window,) = sum_lines([line([0, 1, 0, 0, 0]), other])
    assert window.lines == 1
