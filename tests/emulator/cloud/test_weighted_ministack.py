"""Aliases with weights; tests/end_to_end/test_judged_rollout.py sees MiniStack use them."""

from typing import Any

from lading.emulator.cloud.weighted_ministack import drawn, trimmed_count


def function(weights: dict[str, float]) -> dict[str, Any]:
    routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
    return {"aliases": {"live": {"FunctionVersion": "3", **routing}}}


def test_requests_to_an_alias_are_shared_by_its_weights() -> None:
    counts = [drawn(function({"4": 0.3}), "live") for _ in range(2000)].count("4")
    assert 500 < counts < 700


def test_a_whole_weight_takes_every_request() -> None:
    assert {drawn(function({"4": 1.0}), "live") for _ in range(50)} == {"4"}


def test_what_has_no_weights_is_left_to_ministack() -> None:
    assert drawn(function({}), "live") == "live"
    assert drawn(function({"4": 0.5}), "7") == "7"
    assert drawn(None, "live") == "live"
    assert drawn(function({"4": 0.5}), None) is None


def test_values_in_a_range_are_counted_with_their_weights_above_it_and_up_to_its_end() -> None:
    samples = [(1.0, 1.0), (2.0, 3.0), (3.5, 1.0)]
    assert trimmed_count("TC(1:2)", samples) == 3
    assert trimmed_count("TC(:2.000000)", samples) == 4
    assert trimmed_count("TC(2:)", samples) == 1
    assert trimmed_count("p90", samples) is None
