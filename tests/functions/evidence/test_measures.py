"""The three measures, each on versions that differ in it alone."""

from collections import Counter

import pytest

from lading.functions.contract.steps import step_of
from lading.functions.evidence.counts import NOTHING, VersionCounts
from lading.functions.evidence.measures import LongerLatency, Measure, MoreErrors, OtherAnswers


def times(requests: int, slow: int) -> VersionCounts:
    return VersionCounts(requests, latency={700: requests - slow, 760: slow})


def labels(**rows: int) -> VersionCounts:
    return VersionCounts(sum(rows.values()), classes=rows)


def scores(low: int, high: int) -> VersionCounts:
    return VersionCounts(low + high, scores={1000: low, 1020: high})


def evidence(measure: Measure, past: VersionCounts, *minutes: VersionCounts) -> float:
    for old, new in zip(minutes[::2], minutes[1::2], strict=True):
        measure.add(past, old, new)
    return measure.log_evidence


def test_more_failures_are_evidence() -> None:
    assert evidence(MoreErrors(1.0), NOTHING, VersionCounts(900, 9), VersionCounts(100, 12)) > 4
    assert evidence(MoreErrors(1.0), NOTHING, VersionCounts(900, 9), VersionCounts(100, 1)) <= 0


def test_tolerated_failures_are_less_evidence() -> None:
    minute = VersionCounts(900, 90), VersionCounts(100, 30)
    assert evidence(MoreErrors(2.0), NOTHING, *minute) < evidence(MoreErrors(1.0), NOTHING, *minute)


def test_slower_requests_are_evidence_and_faster_ones_are_not() -> None:
    past = times(1000, 100)
    assert evidence(LongerLatency(1.0), past, times(900, 90), times(100, 60)) > 10
    assert evidence(LongerLatency(1.0), past, times(900, 90), times(100, 0)) <= 0


def test_a_tolerated_rise_of_the_latency_is_no_evidence() -> None:
    past = VersionCounts(1000, latency={700: 500, 710: 500})
    old, new = VersionCounts(900, latency={700: 450, 710: 450}), {702: 50, 712: 50}
    slower = VersionCounts(100, latency=new)
    assert (
        evidence(LongerLatency(1.1), past, old, slower)
        <= 0
        < evidence(LongerLatency(1.0), past, old, slower)
    )


@pytest.mark.parametrize("tolerated", [1.05, 1.1, 1.2, 1.5, 2.0])
def test_a_version_that_is_just_as_much_slower_as_tolerated_has_no_evidence_against_it(
    tolerated: float,
) -> None:
    """Whatever the times are: those of a network differ by less than a step of the grid."""
    for place in range(10):
        usual = 20 * 2 ** (place / 160)
        times = [usual * factor for factor in (0.99, 1.0, 1.01)]
        old = VersionCounts(900, latency=Counter(step_of(time) for time in 300 * times))
        slower = Counter(step_of(time * tolerated) for time in 100 * times)
        new = VersionCounts(300, latency=slower)
        assert evidence(LongerLatency(tolerated), old, old, new) <= 0


def test_without_a_past_no_limit_of_latency_or_scores_is_known() -> None:
    assert evidence(LongerLatency(1.0), NOTHING, times(900, 9), times(100, 90)) == 0
    assert evidence(OtherAnswers(1.0), NOTHING, scores(900, 0), scores(0, 100)) == 0


@pytest.mark.parametrize("new", [labels(a=20, b=80), labels(a=98, b=2), labels(a=50, b=20, c=30)])
def test_classes_that_become_more_or_less_frequent_are_evidence(new: VersionCounts) -> None:
    past, old = labels(a=700, b=300), labels(a=630, b=270)
    assert evidence(OtherAnswers(1.0), past, old, new) > 4
    assert evidence(OtherAnswers(1.0), past, old, labels(a=70, b=30)) <= 0


@pytest.mark.parametrize("new", [scores(90, 10), scores(5, 95)])
def test_scores_that_move_are_evidence(new: VersionCounts) -> None:
    past, old = scores(500, 500), scores(450, 450)
    assert evidence(OtherAnswers(1.0), past, old, new) > 4
    assert evidence(OtherAnswers(1.0), past, old, scores(50, 50)) <= 0


def test_rare_classes_are_compared_together() -> None:
    many = {f"class {number}": 100 - number for number in range(50)}
    rare = {f"class {number}": 2 for number in range(20, 50)}
    assert evidence(OtherAnswers(1.0), labels(**many), labels(**many), labels(**rare)) > 4
