from dataclasses import replace
from typing import Any

import pytest

from lading.model_packaging.placement.prices import read_prices
from lading.model_packaging.placement.stage_costs import StageParts, Traffic, cost_parts

PRICES = read_prices()
PARTS = StageParts(
    models=1,
    snapshot_gb=2.0,
    provisioned_gb=3.0,
    instances_hour=1.0,
    hosts_hour=1.0,
    alarm_metrics=18,
    dashboards=2,
    keys=2,
    firewall_rules=4,
    authorizer=1.0,
    tables=1,
)
QUIET = Traffic(0, 0.0)
BUSY = Traffic(10_000_000, 7.0, root_share=0.1)


def of(traffic: Traffic, parts: StageParts = PARTS) -> dict[str, Any]:
    return {it.name: (it.rest, it.usage) for it in cost_parts(parts, traffic, PRICES)}


def test_a_stage_at_rest_costs_what_stays() -> None:
    rest = of(QUIET)
    assert rest["endpoint instances"] == (730, 0)
    assert rest["managed hosts"][0] == pytest.approx(730 * 1.15)
    assert rest["snapshots"][0] == pytest.approx(2 * 2 * 730 * 3600 * 0.0000015046)
    kept = rest["provisioned concurrency"][0]
    assert kept == pytest.approx(3 * 730 * 3600 * 0.0000041667)
    assert rest["alarms"][0] == pytest.approx(1.8)
    assert of(QUIET, replace(PARTS, artifact_gb=10.0))["artifacts"] == (pytest.approx(0.23), 0)
    assert (rest["dashboards"], rest["keys"], rest["firewall"]) == ((6, 0), (2, 0), (9, 0))
    assert all(usage == 0 for _, usage in rest.values())


def test_requests_add_to_each_part_that_sees_them() -> None:
    busy = of(BUSY)
    helper = 0.2 + 0.01 * 0.5 * 16.6667
    assert busy["API"][1] == pytest.approx(35)
    assert busy["models' functions"][1] == 7
    assert busy["front"][1] == pytest.approx(helper)
    assert busy["authorizer"][1] == pytest.approx(10 * helper)
    assert busy["tables"][1] == pytest.approx(1.25)
    assert busy["firewall requests"][1] == pytest.approx(6)
    assert busy["logs"][1] == pytest.approx(22 * 0.53)
    assert busy["custom metrics"][1] == pytest.approx(14 * 0.3)
    traced = 730 * 3600 + (10_000_000 - 730 * 3600) * 0.05
    assert busy["traces"][1] == pytest.approx(traced * 5 / 1e6)


def test_without_a_firewall_and_tokens_neither_costs_anything() -> None:
    plain = of(BUSY, replace(PARTS, firewall_rules=0, authorizer=0.0))
    for name in ("firewall", "firewall requests", "authorizer", "tables"):
        assert plain[name] == (0, 0)
