"""A shift between two versions of a function, in an account of two versions and a log."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lading.cli.rehearsal import Rehearsal, ShiftReport, rehearse
from lading.cli.update_locks import RehearsedUpdate
from lading.emulator.cloud.codedeploy import CodeDeploy
from lading.stacks.stages.settings import Deployment, Names, StageSettings

FUNCTION = "lading-dev-model-digits"
JUDGE, CLEAN = "lading-dev-judge-digits", "lading-dev-clean-digits"
UPDATE = RehearsedUpdate("digits", 3, 4, Path("before"), Path("after"))


@dataclass
class Account:
    """An alias that draws a version by its weights, and a log with a line for each request."""

    failing: frozenset[str] = frozenset()
    word: str = "better or equal"
    version: str = "1"
    weights: dict[str, float] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    judged: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    owed: float = 0

    def __post_init__(self) -> None:
        self.codedeploy = CodeDeploy(self)

    def __call__(self, _service: str) -> "Account":
        return self

    def get_alias(self, **request: Any) -> dict[str, Any]:
        assert request == {"FunctionName": FUNCTION, "Name": "live"}
        routing = {"RoutingConfig": {"AdditionalVersionWeights": self.weights}}
        return {"FunctionVersion": self.version, **(routing if self.weights else {})}

    def update_alias(self, **request: Any) -> None:
        self.version = request["FunctionVersion"]
        self.weights = request["RoutingConfig"]["AdditionalVersionWeights"]

    def invoke(self, **request: Any) -> dict[str, Any]:
        event = json.loads(request["Payload"])
        if request["FunctionName"] == CLEAN:
            report = {"deploymentId": event["DeploymentId"], "status": "Succeeded"}
            self.codedeploy.report_hook(report)
            return {}
        assert request["FunctionName"] == JUDGE
        self.judged.append(event)
        if self.word == "worse" and "final" not in event:
            (under_way,) = (
                it for it in self.codedeploy.deployments.values() if it.status == "InProgress"
            )
            request = {"deploymentId": under_way.id, "autoRollbackEnabled": True}
            self.codedeploy.stop_by_request(request)
        return {"Payload": Body(json.dumps({"verdict": self.word}).encode())}

    def get_paginator(self, name: str) -> "Account":
        assert name == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        assert request["logGroupName"] == f"/aws/lambda/{FUNCTION}"
        found = [it for it in self.lines if it["timestamp"] >= request["startTime"]]
        return [{"events": found[:3]}, {"events": found[3:]}]

    def send(self) -> None:
        shares = [*self.weights.items()]
        self.owed += shares[0][1] if shares else 0
        new = self.owed > 1 - 1e-9
        self.owed -= new
        version = shares[0][0] if new else self.version
        line = {
            "message": "request",
            "function_version": version,
            "ServerErrors": [int(version in self.failing)],
            "Latency": [1.0],
        }
        text = json.dumps(line, separators=(",", ":"))
        self.lines.append({"message": text, "timestamp": int(time.time() * 1000)})

    def deploy(self, lock: Path) -> None:
        """CloudFormation gives a published version all traffic at once."""
        self.told.append(f"lock {lock}")
        self.version = str(int(self.version) + 1)

    def check(self, lock: Path) -> None:
        self.told.append(f"checked {lock}")


@dataclass
class Body:
    content: bytes

    def read(self) -> bytes:
        return self.content


def run(account: Account, **settings: Any) -> list[ShiftReport]:
    stage = StageSettings.model_validate(settings)
    rehearsal = Rehearsal(
        client=account,
        codedeploy=account.codedeploy,
        deployment=Deployment(Names("lading", "dev"), stage, local=True),
        model="digits",
        send=account.send,
        requests=100,
        tell=account.told.append,
    )
    return rehearse(rehearsal, UPDATE, account.deploy, account.check)


def test_traffic_shifts_in_the_steps_of_the_stage_and_back_again() -> None:
    account = Account()
    there, back = run(account, rollout="canary-10-percent-5-minutes")
    assert [step.percent for step in there.steps] == [10, 100]
    assert (there.steps[0].old.requests, there.steps[0].new.requests) == (90, 10)
    assert (there.steps[1].old.requests, there.steps[1].new.requests) == (0, 100)
    assert [(it.old, it.new, it.status) for it in (there, back)] == [
        (3, 4, "Succeeded"),
        (4, 3, "Succeeded"),
    ]
    assert account.version == "3"
    order = [line for line in account.told if line.startswith(("lock", "checked"))]
    assert order == ["lock after", "checked after", "lock before", "checked before"]
    assert "100 % of the traffic to version 4: version 3 got 0, 0 failed" in "\n".join(account.told)


def test_the_alarm_on_failures_stops_it_and_the_old_version_is_deployed_again() -> None:
    account = Account(failing=frozenset({"2"}))
    (there,) = run(account, rollout="linear-10-percent-every-1-minute")
    assert there.status == "Stopped"
    assert len(there.steps) == 1
    assert there.alarm == "the alarm on failures is on (100.0%, more than 1.0%)"
    assert there.text().endswith("version 3 has all traffic")
    again = "version 3 is deployed again, as when a deployment fails"
    assert account.told[-2:] == ["lock before", again]


def test_failures_of_the_old_version_are_not_blamed_on_the_new_one() -> None:
    account = Account(failing=frozenset({"1"}))
    there, _ = run(account)
    assert there.succeeded
    assert there.steps[0].old.errors > 50


@pytest.mark.parametrize(
    ("word", "status"), [("worse", "Stopped"), ("too little traffic", "Succeeded")]
)
def test_the_judge_looks_before_all_traffic_shifts_and_has_the_last_word(
    word: str, status: str
) -> None:
    account = Account(word=word)
    there, *_ = run(account, judge={}, rollout="linear-10-percent-every-1-minute")
    assert (there.status, there.verdict) == (status, word)
    assert len(there.steps) == (9 if word == "worse" else 10)
    look, last = account.judged[:2]
    assert look["now_ms"] > time.time() * 1000 + 60_000
    assert list(last) == ["final"]


def test_a_report_is_a_document_too() -> None:
    there, _ = run(Account(), rollout="all-at-once")
    assert there.document() == {
        "from": 3,
        "to": 4,
        "status": "Succeeded",
        "verdict": "",
        "alarm": "",
        "steps": [
            {
                "percent": 100,
                "old": {"requests": 0, "errors": 0},
                "new": {"requests": 100, "errors": 0},
            }
        ],
    }
