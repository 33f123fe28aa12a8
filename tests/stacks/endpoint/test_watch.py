import json

import pytest
from aws_cdk.assertions import Template

from tests.stacks.endpoints import stacks
from tests.stacks.synthesis import only, resources

ALARM = "AWS::CloudWatch::Alarm"
ENDPOINT = "AWS::SageMaker::Endpoint"


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Template:
    settings = "count: {min: 2, max: 4}, update: {alarms: [mine]}"
    return stacks(tmp_path_factory.mktemp("steady"), settings)[0]


@pytest.fixture(scope="module")
def sleeping(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, Template]:
    return stacks(tmp_path_factory.mktemp("sleeping"), "mode: scale_to_zero, count: {max: 2}")


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return stacks(tmp_path_factory.mktemp("queued"), "mode: async, count: {max: 2}")[0]


def test_alarms_that_bring_an_old_version_back_do_not_wait_for_the_endpoint(
    steady: Template,
) -> None:
    deployment = only(steady, ENDPOINT)["Properties"]["DeploymentConfig"]
    alarms = [it["AlarmName"] for it in deployment["AutoRollbackConfiguration"]["Alarms"]]
    own, theirs = [it["Ref"] for it in alarms[:-1]], alarms[-1]
    assert (len(own), theirs) == (2, "mine")
    (endpoint,) = resources(steady, ENDPOINT)
    for alarm in own:
        assert endpoint not in json.dumps(resources(steady, ALARM)[alarm])


def names(template: Template) -> set[str]:
    alarms = resources(template, ALARM).values()
    return {it["Properties"]["AlarmName"].removeprefix("lading-dev-model-chat-") for it in alarms}


def test_an_endpoint_of_each_mode_has_its_alarms(
    steady: Template, sleeping: tuple[Template, Template], queued: Template
) -> None:
    common = {"endpoint-errors", "endpoint-gpu", "error-rate", "update-failures"}
    assert common | {"endpoint-latency", "endpoint-overhead"} <= names(steady)
    assert common | {"endpoint-no-capacity", "wake"} <= names(sleeping[0])
    assert common | {"endpoint-backlog", "endpoint-no-capacity", "wake"} <= names(queued)
    assert "endpoint-no-capacity" not in names(steady)


def test_an_endpoint_is_drawn_in_its_own_stack(steady: Template) -> None:
    board = only(steady, "AWS::CloudWatch::Dashboard")["Properties"]
    assert board["DashboardName"] == "lading-dev-model-chat-endpoint"
    drawn = json.dumps(board["DashboardBody"])
    for metric in ("ModelLatency", "OverheadLatency", "Invocation5XXErrors", "GPUUtilization"):
        assert metric in drawn
