"""The judge of an endpoint's updates: its four words, and the metric that rolls an update back."""

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lading.emulator.sagemaker.endpoint import Fleet, LocalEndpoint, Pending, Status
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.functions.contract.names import function_log
from lading.functions.judge import lambda_handler
from lading.functions.judge.records import OwnLog
from tests.support.cloudwatch import CloudWatchApi
from tests.support.emulator_sagemaker import contrary
from tests.support.logs import LogsApi
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving

JUDGE, ENDPOINT = "update-judge", "digits-endpoint"
OLD, NEW = "config-of-3", "config-of-4"
MINUTES = 4
SETTINGS = {
    "function": "model",
    "judge": JUDGE,
    "endpoint": ENDPOINT,
    "rules": {"least_requests": 20},
    "on_little_traffic": "hold",
    "on_broken": "roll_back",
}


@dataclass
class World:
    """An endpoint that is updated, the metrics of its fleets, and its judge."""

    endpoint: LocalEndpoint
    logs: LogsApi
    cloudwatch: CloudWatchApi
    capture: pytest.CaptureFixture[str]
    started: float = field(default_factory=lambda: time.time() - MINUTES * 60 - 160)

    def begin(self, new: str = NEW, version: str = "4") -> None:
        """Update the endpoint since some minutes."""
        fleet = Fleet(new, self.endpoint.engine, version)
        self.endpoint.status = Status.updating
        self.endpoint.pending = Pending(fleet, 0.1, self.started)

    def finish(self, status: Status = Status.in_service) -> None:
        """The update ends, and the new fleet serves."""
        assert self.endpoint.pending is not None
        self.endpoint.replace(self.endpoint.pending.new)
        self.endpoint.status = status

    def answered(
        self,
        config: str,
        count: int,
        *,
        failed: int = 0,
        median_ms: float = 20,
        spread: float = 0.3,
    ) -> None:
        """Count answers of a fleet since the update started."""
        chance = random.Random(f"{config} {count}")  # noqa: S311 the same requests in each run
        dimensions = {"EndpointName": ENDPOINT, "VariantName": "main", "EndpointConfigName": config}
        for number in range(count):
            at = self.started + number * MINUTES * 60 / count
            took_us = 1000 * median_ms * chance.lognormvariate(0, spread)
            for name, value in (
                ("Invocations", 1),
                ("Invocation5XXErrors", int(number < failed)),
                ("ModelLatency", took_us),
            ):
                self.cloudwatch.put(name, dimensions, at, value)

    def told(self, fleet: str, classes: Sequence[str], earlier_s: float = 0) -> None:
        """Log what a fleet has answered since the update started, or since some seconds before."""
        for number, label in enumerate(classes):
            at = self.started - earlier_s + number * MINUTES * 60 / len(classes)
            at_ms = int(at * 1000)
            line = {
                "message": "request",
                "ServerErrors": [0],
                "answer": {"class": label, "score": 1000, **({"fleet": fleet} if fleet else {})},
            }
            message = json.dumps(line, separators=(",", ":"))
            self.logs.put(function_log("model"), at_ms, message)

    def judge(self, **event: Any) -> dict[str, Any]:
        """Let the judge look, and keep its log."""
        found = lambda_handler.judge(event, None)
        for line in self.capture.readouterr().out.splitlines():
            self.logs.put(function_log(JUDGE), int(time.time() * 1000), line)
        return found

    def published(self) -> list[tuple[str, float]]:
        return [(it["MetricName"], it["Value"]) for it in self.cloudwatch.published]


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[World]:
    endpoint = LocalEndpoint(ENDPOINT, contrary(tmp_path), config=OLD, version="3")
    endpoint.status = Status.in_service
    made = World(endpoint, LogsApi(), CloudWatchApi(), capsys)
    for function in (JUDGE, "model"):
        made.logs.groups[function_log(function)]
    runtime = SageMakerRuntime([endpoint])
    monkeypatch.setenv("LADING_JUDGE", json.dumps(SETTINGS))
    with (
        uvicorn_serving(made.logs) as one,
        uvicorn_serving(made.cloudwatch) as two,
        uvicorn_serving(runtime) as three,
        aws(f"http://{one}"),
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", f"http://{two}")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", f"http://{three}")
        yield made


def test_without_an_update_there_is_nothing_to_judge(world: World) -> None:
    assert world.judge() == {"passes": True, "reason": "no new version gets traffic"}


def test_a_version_that_fails_more_often_is_rolled_back_by_the_metric_of_its_alarm(
    world: World,
) -> None:
    world.begin()
    world.answered(OLD, 450, failed=4)
    world.answered(NEW, 50, failed=20)
    found = world.judge()
    assert (found["verdict"], world.published()) == ("worse", [("UpdateWorse", 1)])
    (dimension,) = world.cloudwatch.published[0]["Dimensions"]
    assert dimension == {"Name": "function_name", "Value": "model"}
    assert (found["old"]["version"], found["new"]["version"]) == ("3", "4")
    assert (found["old"]["errors"], found["new"]["errors"]) == (4, 20)
    assert (found["old"]["requests"], found["new"]["requests"]) == (450, 50)


def test_a_slower_version_is_rolled_back_and_latencies_are_counted_exactly(world: World) -> None:
    world.begin()
    world.answered(OLD, 600)
    world.answered(NEW, 100, median_ms=60)
    found = world.judge()
    assert (found["verdict"], world.published()) == ("worse", [("UpdateWorse", 1)])
    assert found["old"]["p50_ms"] == pytest.approx(20, rel=0.1)
    assert found["new"]["p50_ms"] == pytest.approx(60, rel=0.1)
    minutes = [json.loads(it["message"]) for it in world.logs.groups[function_log(JUDGE)]]
    kept = [it["new"] for it in minutes if it["message"] == "judged minute"]
    assert sum(sum(it["latency"].values()) for it in kept) == 100


def test_answers_that_all_took_about_as_long_are_counted_too(world: World) -> None:
    """Such as a single one in the first minute: there is no range between the fastest and it."""
    world.begin()
    world.answered(OLD, 45, spread=0)
    world.answered(NEW, 5, spread=0)
    found = world.judge()
    assert (found["verdict"], found["reason"]) == ("judging", "")
    assert found["old"]["p50_ms"] == found["new"]["p50_ms"] == pytest.approx(20, rel=0.05)
    kept = OwnLog(JUDGE).kept(f"{OLD}/{NEW}", 0).values()
    assert [sum(sum(it.latency.values()) for it in side) for side in zip(*kept, strict=True)] == [
        *(45, 5)
    ]


def test_a_version_that_answers_otherwise_is_rolled_back(world: World) -> None:
    """Both fleets answer behind one function, whose own version is the old one."""
    world.begin()
    world.answered(OLD, 450)
    world.answered(NEW, 150)
    world.told("3", ["cat", "dog"] * 225)
    world.told("other", ["cat"] * 150)
    found = world.judge()
    assert (found["verdict"], world.published()) == ("worse", [("UpdateWorse", 1)])
    worse = [it["measure"] for it in found["findings"] if it["evidence"] >= it["limit"]]
    assert worse == ["answers"]
    assert (found["old"]["requests"], found["new"]["requests"]) == (450, 150)


@pytest.mark.parametrize("fleets", [("", ""), ("5", "other")], ids=["unknown", "of-others"])
def test_answers_whose_fleet_is_unknown_are_not_compared(
    world: World, fleets: tuple[str, str]
) -> None:
    """Such as those of vLLM, or of a function that serves neither version."""
    world.begin()
    world.answered(OLD, 450)
    world.answered(NEW, 150)
    world.told(fleets[0], ["cat", "dog"] * 225)
    world.told(fleets[1], ["cat"] * 150)
    assert (world.judge()["verdict"], world.published()) == ("judging", [])


def test_answers_of_a_function_whose_own_version_shifts_are_not_compared(world: World) -> None:
    """Of two functions, each calls another fleet `other`."""
    world.begin()
    world.answered(OLD, 450)
    world.answered(NEW, 150)
    world.told("3", ["cat", "dog"] * 225)
    world.told("4", ["cat", "dog"] * 225)
    world.told("other", ["cat"] * 150)
    assert (world.judge()["verdict"], world.published()) == ("judging", [])


def test_answers_before_the_update_are_those_that_others_are_compared_with(world: World) -> None:
    """SageMaker has metrics of each fleet only during an update."""
    world.begin()
    world.told("3", ["cat", "dog", "cat", "cat"], earlier_s=MINUTES * 60 + 60)
    world.judge()
    (before, *_) = OwnLog(JUDGE).kept(f"{OLD}/{NEW}", 0).values()
    assert before.old.classes == {"cat": 3, "dog": 1}
    assert before.old.requests == before.new.requests == 0


def test_an_equal_version_passes_and_a_minute_is_counted_once(world: World) -> None:
    world.begin()
    world.answered(OLD, 400, failed=8)
    world.answered(NEW, 45, failed=1)
    first = world.judge()
    world.cloudwatch.values.clear()
    assert first["verdict"] == "judging"
    world.finish()
    last = world.judge(final=NEW)
    assert (last["verdict"], last["passes"]) == ("better or equal", True)
    assert (last["old"], last["new"]) == (first["old"], first["new"])
    assert world.published() == []


@pytest.mark.parametrize(("policy", "passes"), [("hold", True), ("roll_back", False)])
def test_with_too_little_traffic_the_stage_decides(
    world: World, monkeypatch: pytest.MonkeyPatch, policy: str, passes: bool
) -> None:
    monkeypatch.setenv("LADING_JUDGE", json.dumps({**SETTINGS, "on_little_traffic": policy}))
    world.begin()
    world.answered(OLD, 100)
    world.answered(NEW, 5)
    world.judge()
    world.finish()
    last = world.judge(final=NEW)
    assert (last["verdict"], last["passes"]) == ("too little traffic", passes)
    assert (last["UpdateUndecided"], last["UpdateWorse"]) == (1, 0)


@pytest.mark.parametrize(("policy", "passes"), [("hold", True), ("roll_back", False)])
def test_a_judge_that_cannot_read_the_metrics_is_broken_and_the_stage_decides(
    world: World, monkeypatch: pytest.MonkeyPatch, policy: str, passes: bool
) -> None:
    monkeypatch.setenv("LADING_JUDGE", json.dumps({**SETTINGS, "on_broken": policy}))
    world.begin()
    world.cloudwatch.refusal = "AccessDenied"
    assert world.judge()["verdict"] == "broken"
    world.finish()
    last = world.judge(final=NEW)
    assert (last["verdict"], last["passes"]) == ("broken", passes)
    assert "AccessDenied" in last["reason"]
    assert last["UpdateUndecided"] == 1


def test_an_update_that_the_judge_has_never_seen_is_not_passed(world: World) -> None:
    last = world.judge(final=NEW)
    assert (last["verdict"], last["passes"]) == ("broken", False)
    assert f"has not seen the update to {NEW}" in last["reason"]


def test_the_way_back_to_the_old_version_is_not_judged(world: World) -> None:
    world.begin()
    world.answered(OLD, 450)
    world.answered(NEW, 50, failed=50)
    world.judge()
    world.finish()
    world.begin(OLD, "3")
    assert world.judge() == world.judge(final=OLD)
    assert world.judge(final=OLD)["passes"] is True
    world.endpoint.status = Status.rolling_back
    assert world.judge()["passes"] is True
