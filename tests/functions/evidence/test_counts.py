"""The counts of one version."""

import json

from lading.functions.evidence.counts import NOTHING, VersionCounts

ONE = VersionCounts(3, 1, {5: 2, 7: 1}, {"a": 2}, {-4: 1})


def test_windows_are_added_count_by_count() -> None:
    other = VersionCounts(2, 0, {7: 2}, {"a": 1, "b": 1}, {})
    assert ONE + other == VersionCounts(5, 1, {5: 2, 7: 3}, {"a": 3, "b": 1}, {-4: 1})
    assert ONE + NOTHING == ONE


def test_counts_survive_json() -> None:
    assert VersionCounts.from_json(json.loads(json.dumps(ONE.to_json()))) == ONE
