"""A trial ends in one word."""

import pytest

from lading.functions.evidence.counts import NOTHING, VersionCounts
from lading.functions.evidence.trial import SHARES, Rules, Trial, Verdict

OLD, WORSE = VersionCounts(900, 9), VersionCounts(100, 30)


def test_a_version_that_fails_more_often_is_worse_at_once() -> None:
    trial = Trial()
    trial.add(OLD, WORSE)
    assert trial.verdict() == trial.verdict(ended=True) == Verdict.WORSE
    assert [it.measure for it in trial.findings() if it.worse] == ["errors"]


def test_evidence_once_found_is_not_lost() -> None:
    trial = Trial()
    trial.add(OLD, WORSE)
    for _ in range(50):
        trial.add(OLD, VersionCounts(100, 0))
    assert trial.verdict() == Verdict.WORSE


def test_an_equal_version_is_judged_until_the_end() -> None:
    trial = Trial()
    trial.add(OLD, VersionCounts(100, 1))
    assert trial.verdict() == Verdict.JUDGING
    assert trial.verdict(ended=True) == Verdict.BETTER_OR_EQUAL


@pytest.mark.parametrize(("old", "new"), [(OLD, VersionCounts(99)), (NOTHING, VersionCounts(500))])
def test_too_few_requests_of_either_version_are_no_proof(
    old: VersionCounts, new: VersionCounts
) -> None:
    trial = Trial(Rules(least_requests=100))
    trial.add(old, new)
    assert trial.verdict(ended=True) == Verdict.TOO_LITTLE_TRAFFIC


def test_all_measures_together_raise_at_most_alpha_false_alarms() -> None:
    limits = [finding.limit for finding in Trial(Rules(alpha=0.01)).findings()]
    assert sum(1 / limit for limit in limits) == pytest.approx(0.01)
    assert sum(SHARES.values()) == pytest.approx(1)
