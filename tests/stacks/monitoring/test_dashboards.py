import json
import re
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from lading.functions.contract.names import METRICS
from lading.functions.contract.watched import DRIFTS, JUDGED
from lading.stacks.api.rest_api import ACCESS_LOG
from lading.stacks.monitoring.dashboards import Dashboards
from lading.stacks.monitoring.signals import MODEL_SIGNALS, WatchedApi, WatchedModel
from lading.stacks.stages.settings import Names
from tests.stacks.api_stages import only, text


@pytest.mark.parametrize("which", ["service", "operations"])
def test_a_dashboard_draws_every_signal_that_it_is_for(stage: Any, which: str) -> None:
    dashboard = only(
        stage("dev"), "AWS::CloudWatch::Dashboard", DashboardName=f"lading-dev-{which}"
    )
    drawn = text(dashboard["DashboardBody"])
    for signal in MODEL_SIGNALS:
        assert (signal.title in drawn) == (signal.dashboard == which)


def test_the_operations_dashboard_says_when_a_canary_was_not_judged(stage: Any) -> None:
    name = {"DashboardName": "lading-dev-operations"}
    drawn = text(only(stage("dev"), "AWS::CloudWatch::Dashboard", **name)["DashboardBody"])
    assert "not judged" in drawn
    assert "lading-dev-model-digits-canary-quiet" in drawn
    assert "ExecutedVersion" in drawn


def test_the_operations_dashboard_shows_every_verdict_on_drift_and_on_roll_outs(stage: Any) -> None:
    name = {"DashboardName": "lading-dev-operations"}
    drawn = text(only(stage("dev"), "AWS::CloudWatch::Dashboard", **name)["DashboardBody"])
    for figure in (*DRIFTS.values(), JUDGED[-1]):  # the others have alarms, which are listed
        assert figure.cloudwatch in drawn
    assert "rollout-worse.md" in drawn
    assert "drift.md" in drawn


MODELS = [0, 1, 34, 80]


def models(number: int) -> list[WatchedModel]:
    """Models with names as long as their functions' names may be."""
    names = (f"{index:03}-{'long-name-' * 5}"[:45] for index in range(number))
    functions = Names("lading", "dev")
    return [WatchedModel(name, functions.function(name), 0.01, p99_ms=700) for name in names]


def drawn(number: int) -> dict[str, list[dict[str, Any]]]:
    """The widgets of each dashboard of a stage with that many models."""
    stack = Stack(App(), "api", env={"region": "eu-west-1", "account": "000000000000"})
    apis = [
        WatchedApi(f"lading-dev-api{end}", "dev", 0.01, p99_ms=700, firewall=not end)
        for end in ("", "-2")
    ]
    Dashboards(
        stack,
        "Dashboards",
        prefix="lading-dev",
        stage="lading-dev",
        apis=apis,
        models=models(number),
        functions=["lading-dev-api-front", "lading-dev-api-authorizer"],
    )
    boards = Template.from_stack(stack).find_resources("AWS::CloudWatch::Dashboard").values()
    return {
        it["Properties"]["DashboardName"]: json.loads(whole(it["Properties"]["DashboardBody"]))[
            "widgets"
        ]
        for it in boards
    }


def whole(body: Any) -> str:
    """The text of a body, whose parts may refer to the account's partition."""
    parts = [body] if isinstance(body, str) else body["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else "aws" for part in parts)


def expressions(widget: dict[str, Any]) -> list[str]:
    last = (line[-1] for line in widget["properties"].get("metrics", []))
    return [it["expression"] for it in last if isinstance(it, dict) and "expression" in it]


def metrics(widget: dict[str, Any]) -> int:
    """The number of metrics that a widget reads, without its expressions."""
    return len(widget["properties"].get("metrics", [])) - len(expressions(widget))


@pytest.mark.parametrize("number", MODELS)
def test_dashboards_stay_within_the_limits_of_cloudwatch(number: int) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
    for widgets in drawn(number).values():
        assert len(widgets) <= 500
        assert max(map(metrics, widgets)) <= 500
        assert sum(map(metrics, widgets)) <= 2500
        for widget in widgets:
            assert widget["type"] != "metric" or widget["properties"]["metrics"]
            assert len(widget["properties"].get("alarms", [])) <= 100


@pytest.mark.parametrize("number", MODELS)
def test_searches_stay_within_the_limits_of_cloudwatch(number: int) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    widgets = [widget for board in drawn(number).values() for widget in board]
    searches = [[it for it in expressions(widget) if "SEARCH(" in it] for widget in widgets]
    assert max(map(len, searches)) <= 100
    longest = max(len(text) for some in searches for text in some)
    assert longest <= 1024


def search_terms(number: int) -> str:
    widgets = [widget for board in drawn(number).values() for widget in board]
    return " ".join(it for widget in widgets for it in expressions(widget) if "SEARCH(" in it)


def test_a_roll_out_is_found_by_the_exact_name_of_its_function() -> None:
    terms = search_terms(34)
    assert all(f'"{model.function}"' in terms for model in models(34))


def test_latencies_are_those_of_the_stage_alone() -> None:
    found = [it for it in search_terms(1).split("SEARCH(") if METRICS.namespace in it]
    assert len(found) == len(METRICS.times) - 1
    assert all('stage="lading-dev"' in it for it in found)
    assert all("{Lading,dialect,model,stage,version}" in it for it in found)


def log_queries(number: int) -> list[str]:
    widgets = [widget for board in drawn(number).values() for widget in board]
    return [widget["properties"]["query"] for widget in widgets if widget["type"] == "log"]


def test_refusals_are_told_apart_by_status_and_by_the_gateways_reason() -> None:
    found = [it for it in log_queries(1) if "/aws/apigateway/lading-dev-api-2'" in it]
    (query,) = found
    assert 'status in ["401", "403", "429"]' in query
    assert "by status, errorType" in query
    assert {"status", "errorType"} <= ACCESS_LOG.keys()


def test_blocks_of_the_firewall_are_drawn_where_there_is_one() -> None:
    metrics = [
        line
        for board in drawn(1).values()
        for widget in board
        for line in widget["properties"].get("metrics", [])
        if line[0] == "AWS/WAFV2"
    ]
    (line,) = metrics
    dimensions = ["Region", "eu-west-1", "Rule", "ALL", "WebACL", "lading-dev-api"]
    assert line[1:8] == ["BlockedRequests", *dimensions]


@pytest.mark.parametrize("number", MODELS)
def test_the_starts_of_every_model_are_read_from_at_most_50_logs_at_once(number: int) -> None:
    found = [it for it in log_queries(number) if "Restore Duration" in it]
    logs = [[part for part in it.split("'") if part.startswith("/aws/lambda/")] for it in found]
    assert sorted(log for some in logs for log in some) == sorted(
        f"/aws/lambda/{model.function}" for model in models(number)
    )
    assert all(len(some) <= 50 for some in logs)


RESTORED = "REPORT RequestId: 1 Duration: 5.00 ms Billed Duration: 6 ms Restore Duration: 412.07 ms"


def test_the_time_of_a_restore_is_read_from_lambdas_report() -> None:
    (query,) = (it for it in log_queries(1) if "Restore Duration" in it)
    pattern = query.partition("parse @message /")[2].partition("/")[0].replace("?<", "?P<")
    found = re.search(pattern, RESTORED)
    assert found is not None
    assert found["restore"] == "412.07"
