"""The judge stops a worse version, lets an equal one pass, and says when it proves nothing."""

import json

import pytest

from lading.emulator.sagemaker.answer import EmulatedAnswer
from lading.functions.contract.names import function_log
from lading.functions.inference.wire.asgi import Receive, Scope, Send
from lading.functions.inference.wire.messages import read_headers
from tests.functions.judge.conftest import FUNCTION, SETTINGS, World
from tests.support.uvicorn_server import uvicorn_serving


def test_without_a_shift_there_is_nothing_to_judge(world: World) -> None:
    assert world.judge() == {"passes": True, "reason": "no new version gets traffic"}
    assert world.logs.asked == []


def test_a_version_that_fails_more_often_is_stopped_and_rolled_back(world: World) -> None:
    deployment = world.begin()
    world.answered("1", 450, failed=4)
    world.answered("2", 50, failed=20)
    found = world.judge()
    assert (found["verdict"], found["stopped"]) == ("worse", "Succeeded")
    assert deployment.status == "Stopped"
    assert world.aliases.routed == [("1", {"2": 0.1}), ("1", {})]
    assert [it["measure"] for it in found["findings"] if it["evidence"] >= it["limit"]] == [
        "errors"
    ]
    assert (found["old"]["errors"], found["new"]["errors"]) == (4, 20)


def test_a_judge_that_cannot_stop_a_worse_version_says_so_and_its_alarm_goes_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = world.begin()
    world.answered("1", 450, failed=4)
    world.answered("2", 50, failed=20)

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        if not read_headers(scope["headers"])["x-amz-target"].endswith("StopDeployment"):
            await world.codedeploy(scope, receive, send)
            return
        denied = {"__type": "AccessDeniedException", "message": "no policy allows it"}
        await EmulatedAnswer(send).whole(400, {}, json.dumps(denied))

    with uvicorn_serving(refusing) as host:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CODEDEPLOY", f"http://{host}")
        found = world.judge()
    assert deployment.status == "InProgress"
    assert (found["verdict"], found["RolloutWorse"]) == ("worse", 1)
    assert found["stopped"].startswith("not stopped: ClientError: ")
    assert "AccessDeniedException" in found["stopped"]


def test_a_slower_version_is_stopped(world: World) -> None:
    deployment = world.begin()
    world.answered("1", 600)
    world.answered("2", 100, median_ms=60)
    assert world.judge()["verdict"] == "worse"
    assert deployment.status == "Stopped"


def test_a_version_that_crashes_before_it_logs_is_stopped(world: World) -> None:
    world.begin()
    world.answered("1", 450)
    for number in range(20):
        report = f"REPORT RequestId: {number}\tDuration: 1 ms\tStatus: timeout"
        at_ms = int(world.started * 1000) + 1000 * number
        world.logs.put(function_log(FUNCTION), at_ms, report, "2026/11/30/[2]0a1b")
    found = world.judge()
    assert (found["verdict"], found["new"]["errors"]) == ("worse", 20)


def test_an_equal_version_is_judged_until_the_hook_asks_for_the_last_word(world: World) -> None:
    deployment = world.begin()
    world.answered("1", 400, failed=8)
    world.answered("2", 45, failed=1)
    assert world.judge()["verdict"] == "judging"
    assert deployment.status == "InProgress"
    last = world.judge(final=deployment.id)
    assert (last["verdict"], last["passes"]) == ("better or equal", True)


def test_a_minute_is_counted_once_and_kept_in_the_judges_log(world: World) -> None:
    world.begin()
    world.answered("1", 400)
    world.answered("2", 45)
    first = world.judge()
    world.logs.groups[function_log(FUNCTION)].clear()
    again = world.judge()
    assert again["old"] == first["old"]
    assert again["findings"] == first["findings"]


@pytest.mark.parametrize(("policy", "passes"), [("hold", True), ("roll_back", False)])
def test_with_too_little_traffic_the_stage_decides(
    world: World, monkeypatch: pytest.MonkeyPatch, policy: str, passes: bool
) -> None:
    monkeypatch.setenv("LADING_JUDGE", json.dumps({**SETTINGS, "on_little_traffic": policy}))
    deployment = world.begin()
    world.answered("1", 100)
    world.answered("2", 5)
    last = world.judge(final=deployment.id)
    assert (last["verdict"], last["passes"]) == ("too little traffic", passes)
    assert (last["RolloutUndecided"], last["RolloutWorse"]) == (1, 0)


@pytest.mark.parametrize(("policy", "passes"), [("hold", True), ("roll_back", False)])
def test_a_judge_that_cannot_read_is_broken_and_the_stage_decides(
    world: World, monkeypatch: pytest.MonkeyPatch, policy: str, passes: bool
) -> None:
    monkeypatch.setenv("LADING_JUDGE", json.dumps({**SETTINGS, "on_broken": policy}))
    deployment = world.begin()
    world.logs.refusal = "AccessDeniedException"
    last = world.judge(final=deployment.id)
    assert (last["verdict"], last["passes"]) == ("broken", passes)
    assert "AccessDeniedException" in last["reason"]
    assert last["RolloutUndecided"] == 1


def test_lines_of_another_form_break_the_judge_rather_than_pass_unseen(world: World) -> None:
    deployment = world.begin()
    at_ms = int(world.started * 1000)
    line = '{"message":"request","function_version":"2"}'
    world.logs.put(function_log(FUNCTION), at_ms, line)
    last = world.judge(final=deployment.id)
    assert (last["verdict"], last["passes"]) == ("broken", False)
    assert "another form" in last["reason"]


def test_a_rollback_is_not_judged(world: World) -> None:
    deployment = world.begin()
    world.answered("1", 450)
    world.answered("2", 50, failed=50)
    world.judge()
    rollback = [it for it in world.codedeploy.deployments if it != deployment.id]
    assert world.judge(final=rollback[0])["passes"] is True


def test_a_verdict_after_the_end_of_the_deployment_says_that_it_is_too_late(world: World) -> None:
    deployment = world.begin()
    world.answered("1", 450)
    world.answered("2", 50, failed=50)
    listed = world.codedeploy.find({"deploymentId": deployment.id})
    listed.steps.clear()
    world.codedeploy.advance(listed)
    assert world.judge(final=deployment.id)["passes"] is False


def test_each_look_writes_the_metrics_of_the_function(world: World) -> None:
    world.begin()
    world.answered("1", 40)
    found = world.judge()
    (line,) = [
        json.loads(event["message"])
        for event in world.logs.groups[function_log("judge")]
        if '"judgement"' in event["message"]
    ]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Lading", [["function_name"]])
    assert line["function_name"] == FUNCTION
    assert all(isinstance(line[name], int | float) for name in names)
    assert found["verdict"] == "judging"
