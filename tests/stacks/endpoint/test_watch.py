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


@pytest.mark.parametrize(
    ("mode", "scaled", "whole", "each"),
    [
        ("steady", "Instances", "Invocations", "InvocationsPerInstance"),
        ("scale_to_zero", "Copies", "Invocations", "InvocationsPerCopy"),
        ("async", "Instances", "ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"),
    ],
)
def test_a_panel_shows_how_many_answer_from_metrics_that_a_dashboard_can_read(
    request: pytest.FixtureRequest, mode: str, scaled: str, whole: str, each: str
) -> None:
    fixture = {"steady": "steady", "scale_to_zero": "sleeping", "async": "queued"}[mode]
    found = request.getfixturevalue(fixture)
    template = found[0] if isinstance(found, tuple) else found
    board = only(template, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]
    drawn = json.loads(
        "".join(it if isinstance(it, str) else "name" for it in board["Fn::Join"][1])
    )
    widgets = [it["properties"] for it in drawn["widgets"] if "title" in it["properties"]]
    (panel,) = [it for it in widgets if it["title"] == f"{scaled} that answer"]
    ratio, *metrics = panel["metrics"]
    assert ratio[0]["expression"] == "whole / each"
    ids = {options["id"]: name for _, name, *_, options in metrics}
    assert ids == {"whole": whole, "each": each}
    dimensions = [tuple(it[2:-1]) for it in metrics]
    assert dimensions[0] == dimensions[1]
