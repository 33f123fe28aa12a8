"""The function that judges drift: its schedule, its permissions, its alarms."""

from typing import Any

from tests.stacks.api_stages import NAMES, only, text

FUNCTION = "lading-cached-api-drift"


def test_a_schedule_starts_the_function_with_the_logs_of_every_model(stage: Any) -> None:
    template = stage("cached")
    function = only(template, "AWS::Lambda::Function", FunctionName=FUNCTION)
    told = function["Environment"]["Variables"]
    functions = told["LADING_DRIFT_FUNCTIONS"].split(",")
    assert functions == ["lading-cached-model-digits", *functions[1:]]
    assert len(functions) == len(NAMES)
    assert (told["LADING_DRIFT_WINDOW"], told["LADING_DRIFT_PSI"]) == ("3600", "0.2")
    assert function["Handler"] == "lading.functions.drift.lambda_handler.watch"
    schedule = only(template, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "rate(60 minutes)"


def test_the_function_reads_the_logs_of_its_models_and_nothing_else(stage: Any) -> None:
    statements = [
        statement
        for policy in stage("cached").find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "logs:FilterLogEvents"
    ]
    (allowed,) = statements
    assert len(allowed["Resource"]) == len(NAMES)
    assert all(
        ":log-group:/aws/lambda/lading-cached-model-" in text(it) for it in allowed["Resource"]
    )


def test_each_model_has_an_alarm_on_its_drifting_features(stage: Any) -> None:
    alarms = [
        alarm["Properties"]
        for alarm in stage("cached").find_resources("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"].get("MetricName") == "DriftingFeatures"
    ]
    watched = [{it["Name"]: it["Value"] for it in alarm["Dimensions"]} for alarm in alarms]
    assert watched == [{"model": name, "stage": "lading-cached"} for name in NAMES]
    for alarm in alarms:
        assert (alarm["Period"], alarm["Threshold"], alarm["Statistic"]) == (3600, 0, "Maximum")
        assert alarm["AlarmName"].endswith("-drift")
        assert alarm["AlarmActions"]


def test_a_stage_without_a_schedule_has_neither(stage: Any) -> None:
    template = stage("prod")
    assert not template.find_resources("AWS::Scheduler::Schedule")
    names = {
        it["Properties"]["FunctionName"]
        for it in template.find_resources("AWS::Lambda::Function").values()
    }
    assert not any(name.endswith("-drift") for name in names)
