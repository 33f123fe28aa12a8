"""Alarms, in one template for the whole module: the CDK takes seconds to start."""

from dataclasses import replace
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Match, Template
from constructs import Construct

from lading.stacks.monitoring.alarms import (
    LEAST_CANARY_REQUESTS,
    AlarmTopic,
    CanaryAlarms,
    make_alarms,
    topic_by_name,
)
from lading.stacks.monitoring.signals import API_SIGNALS, MODEL_SIGNALS, WatchedApi, WatchedModel

FUNCTION = "lading-dev-model-digits"
DIGITS = WatchedModel("digits", FUNCTION, error_rate=0.02, p99_ms=750)


@pytest.fixture(scope="module")
def template() -> Template:
    stack = Stack(App(), "watched")
    topic = AlarmTopic(stack, "Topic", name="lading-dev-alarms", email="team@example.com").topic
    make_alarms(Construct(stack, "Digits"), FUNCTION, MODEL_SIGNALS, DIGITS, topic)
    CanaryAlarms(stack, "Canary", model=DIGITS, executed_version="7", topic=topic)
    api = WatchedApi("lading-dev-api", "dev", error_rate=0.02, p99_ms=750)
    make_alarms(Construct(stack, "Api"), "lading-dev-api", API_SIGNALS, api, topic)
    waking = replace(api, waking="lading-dev")
    make_alarms(Construct(stack, "Waking"), "waking-api", API_SIGNALS, waking, topic)
    return Template.from_stack(stack)


def alarm(template: Template, name: str) -> dict[str, Any]:
    found = template.find_resources(
        "AWS::CloudWatch::Alarm", {"Properties": {"AlarmName": f"{FUNCTION}-{name}"}}
    )
    assert len(found) == 1
    properties: dict[str, Any] = next(iter(found.values()))["Properties"]
    return properties


def stats(properties: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Id -> dimensions of each metric in an alarm's expression."""
    return {
        query["Id"]: {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        for query in properties["Metrics"]
        if (metric := query.get("MetricStat", {}).get("Metric"))
    }


@pytest.mark.parametrize("signal", MODEL_SIGNALS, ids=lambda signal: signal.key)
def test_every_signal_of_a_model_has_an_alarm_that_tells_the_topic(
    template: Template, signal: Any
) -> None:
    properties = alarm(template, signal.key)
    assert properties["Threshold"] == signal.threshold(DIGITS)
    assert signal.advice in properties["AlarmDescription"]
    assert properties["AlarmActions"] == properties["OKActions"] != []


@pytest.mark.parametrize("key", [signal.key for signal in API_SIGNALS])
def test_every_signal_of_the_api_has_an_alarm(template: Template, key: str) -> None:
    name = {"AlarmName": f"lading-dev-api-{key}"}
    template.has_resource_properties("AWS::CloudWatch::Alarm", name)


def test_failures_that_the_service_answered_count_beside_crashes(template: Template) -> None:
    properties = alarm(template, "error-rate")
    crashes, failures, requests = stats(properties).values()
    assert failures == requests == {"function_name": FUNCTION}
    assert crashes == {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:live"}
    names = [it["MetricStat"]["Metric"]["MetricName"] for it in properties["Metrics"][1:]]
    assert names == ["Errors", "ServerErrors", "Requests"]


def test_a_rollback_alarm_looks_at_errors_over_invocations_of_the_new_version_alone(
    template: Template,
) -> None:
    properties = alarm(template, "canary-crashes")
    seen = stats(properties)
    new = {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:live", "ExecutedVersion": "7"}
    assert seen == {"errors": new, "invocations": new}
    assert properties["Metrics"][0]["Expression"] == "errors / invocations"
    assert properties["Metrics"][0].get("Period", 60) == 60


def test_failed_answers_of_the_new_version_roll_back_while_two_versions_answer(
    template: Template,
) -> None:
    properties = alarm(template, "canary-failures")
    seen = stats(properties)
    assert seen["invocations"]["ExecutedVersion"] == "7"
    own = {"function_name": FUNCTION, "function_version": "7"}
    assert seen["failures"] == seen["requests"] == own
    assert properties["Metrics"][0]["Expression"].startswith("IF(FILL(invocations, 0) > 0")


def test_a_canary_with_too_few_requests_is_reported_and_one_with_none_has_no_data(
    template: Template,
) -> None:
    properties = alarm(template, "canary-quiet")
    assert properties["ComparisonOperator"] == "LessThanThreshold"
    assert properties["Threshold"] == LEAST_CANARY_REQUESTS
    assert properties["TreatMissingData"] == "missing"
    assert "not judged" in properties["AlarmDescription"]


def test_no_expression_has_more_metrics_than_an_alarm_takes(template: Template) -> None:
    for found in template.find_resources("AWS::CloudWatch::Alarm").values():
        assert len(found["Properties"].get("Metrics", ())) <= 10


def test_the_topic_is_encrypted_and_takes_messages_over_tls_alone(template: Template) -> None:
    template.has_resource_properties(
        "AWS::SNS::Topic", {"TopicName": "lading-dev-alarms", "KmsMasterKeyId": Match.any_value()}
    )
    template.has_resource_properties("AWS::KMS::Key", {"EnableKeyRotation": True})
    insecure = {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    statements = Match.array_with([Match.object_like(insecure)])
    template.has_resource_properties(
        "AWS::SNS::TopicPolicy", {"PolicyDocument": {"Statement": statements}}
    )
    template.has_resource_properties("AWS::SNS::Subscription", {"Endpoint": "team@example.com"})


def test_a_cloud_that_knows_no_expressions_gets_the_plain_alarms() -> None:
    stack = Stack(App(), "local")
    topic = topic_by_name(stack, "lading-dev-alarms")
    made = make_alarms(stack, FUNCTION, MODEL_SIGNALS, DIGITS, topic, math=False)
    assert sorted(made) == ["concurrency", "latency", "throttles"]


def api_alarm(template: Template, name: str) -> dict[str, Any]:
    found = template.find_resources(
        "AWS::CloudWatch::Alarm", {"Properties": {"AlarmName": f"{name}-server-errors"}}
    )
    (alarm,) = found.values()
    return dict(alarm["Properties"])


def test_the_5xx_rate_of_an_api_leaves_out_endpoints_that_wake(template: Template) -> None:
    waking = api_alarm(template, "waking-api")
    assert stats(waking)["waking"] == {"stage": "lading-dev"}
    (rate,) = (query["Expression"] for query in waking["Metrics"] if "Expression" in query)
    assert rate == "(errors - FILL(waking, 0)) / requests"


def test_an_api_without_endpoints_reads_one_metric(template: Template) -> None:
    assert api_alarm(template, "lading-dev-api")["MetricName"] == "5XXError"
