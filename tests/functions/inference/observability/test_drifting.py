"""A process shows what the counts of its last lines say, and several show the worst."""

import json

from lading.functions.contract.names import DRIFT
from lading.functions.contract.watched import DRIFTS
from lading.functions.inference.drift.gathering import Gathering
from lading.functions.inference.observability.drifting import MOST_LINES, DriftGauges
from lading.functions.inference.observability.families import Registry, Snapshot, together
from tests.functions.inference.drift.streams import Doubling, normal, sent

FEATURES = DRIFTS[DRIFT.features].name


def lines(rows: int, shift: float = 0.0, seed: int = 7) -> list[str]:
    gathering = Gathering()
    sent(gathering, Doubling(), normal(rows, seed, shift), size=50)
    return gathering.lines()


def shown(registry: Registry) -> dict[str, float]:
    found = registry.snapshot()
    return {it.name: found[it.name][0][2][0] for it in DRIFTS.values() if found[it.name]}


def test_a_feature_that_drifts_is_counted_with_its_answer() -> None:
    registry = Registry()
    DriftGauges(registry).note(lines(500, shift=2.0))
    assert registry.snapshot()[FEATURES][0][0] == ("doubling", "1")
    assert shown(registry)[FEATURES] >= 2  # an input, and the answer that is its double
    assert shown(registry)["lading_largest_psi"] > 0.25
    assert shown(registry)["lading_largest_outside_share"] > 0


def test_a_stream_without_drift_has_none_and_few_rows_say_nothing() -> None:
    registry = Registry()
    gauges = DriftGauges(registry)
    gauges.note(lines(50))
    assert shown(registry) == {}
    gauges.note(lines(500))
    assert shown(registry)[FEATURES] == 0


def test_old_lines_are_forgotten() -> None:
    registry = Registry()
    gauges = DriftGauges(registry)
    gauges.note(lines(100, shift=2.0))
    for seed in range(MOST_LINES):
        gauges.note(lines(100, seed=seed))
    assert shown(registry)[FEATURES] == 0


def test_a_line_that_cannot_be_read_changes_nothing() -> None:
    registry = Registry()
    DriftGauges(registry).note([json.dumps({"message": "drift", "reason": "no baseline"})])
    assert shown(registry) == {}


def test_of_several_processes_the_one_that_drifts_most_is_shown() -> None:
    labels = ("m", "1")
    both: list[Snapshot] = [{FEATURES: [(labels, 0.0, [value], [])]} for value in (2.0, 3.0)]
    assert together(both, DRIFTS.values())[FEATURES][0][2] == [3.0]
