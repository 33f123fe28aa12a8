"""A judge between emulated services: CodeDeploy with a deployment under way, and logs."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lading.emulator.cloud.codedeploy import CodeDeploy, EmulatedDeployment, Order
from lading.functions.contract.names import function_log
from lading.functions.judge import lambda_handler
from tests.support.logs import LogsApi
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving

FUNCTION, JUDGE = "model", "judge"
MINUTES = 4
SETTINGS = {
    "function": FUNCTION,
    "judge": JUDGE,
    "application": FUNCTION,
    "group": FUNCTION,
    "rules": {"least_requests": 20},
    "on_little_traffic": "hold",
    "on_broken": "roll_back",
}


class Aliases:
    """Stands for the account whose alias the emulated CodeDeploy changes."""

    def __init__(self) -> None:
        self.routed: list[tuple[str, dict[str, float]]] = []

    def __call__(self, _service: str) -> "Aliases":
        return self

    def update_alias(self, **request: Any) -> None:
        weights = request["RoutingConfig"]["AdditionalVersionWeights"]
        self.routed.append((request["FunctionVersion"], weights))


@dataclass
class World:
    """One function under CodeDeploy, its logs, and its judge."""

    logs: LogsApi
    codedeploy: CodeDeploy
    aliases: Aliases
    capture: pytest.CaptureFixture[str]
    started: float = field(default_factory=lambda: time.time() - MINUTES * 60 - 20)

    def begin(self) -> EmulatedDeployment:
        """Start to shift traffic from version 1 to version 2, some minutes ago."""
        self.logs.groups[function_log(FUNCTION)]
        self.logs.groups[function_log(JUDGE)]
        order = Order(FUNCTION, "live", "1", "2", "canary-10-percent-15-minutes")
        return self.codedeploy.begin(order)

    def answered(self, version: str, count: int, *, failed: int = 0, median_ms: float = 20) -> None:
        """Log answers of a version since the shift started."""
        chance = random.Random(f"{version} {count}")  # noqa: S311 the same requests in each run
        for number in range(count):
            at_ms = int((self.started + number * MINUTES * 60 / count) * 1000)
            line = {
                "message": "request",
                "function_version": version,
                "Latency": [median_ms * chance.lognormvariate(0, 0.3)],
                "ServerErrors": [int(number < failed)],
                "answer": {"class": str(chance.randrange(3)), "score": 1000},
            }
            message = json.dumps(line, separators=(",", ":"))
            self.logs.put(function_log(FUNCTION), at_ms, message)

    def judge(self, **event: Any) -> dict[str, Any]:
        """Let the judge look, and keep its log."""
        found = lambda_handler.judge(event, None)
        for line in self.lines():
            now = int(time.time() * 1000)
            self.logs.put(function_log(JUDGE), now, json.dumps(line, separators=(",", ":")))
        return found

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.capture.readouterr().out.splitlines()]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    aliases, logs = Aliases(), LogsApi()
    codedeploy = CodeDeploy(aliases, clock=lambda: made.started)
    made = World(logs, codedeploy, aliases, capsys)
    with uvicorn_serving(logs) as one, uvicorn_serving(codedeploy) as other, aws(f"http://{one}"):
        monkeypatch.setenv("AWS_ENDPOINT_URL_CODEDEPLOY", f"http://{other}")
        monkeypatch.setenv("LADING_JUDGE", json.dumps(SETTINGS))
        yield made
