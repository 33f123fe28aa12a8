"""The public health check: yes or no, and never more work than it may cause."""

import json
from collections.abc import Mapping
from threading import Event as Signal
from typing import Any

import pytest

from lading.functions.contract.errors import InvocationFailed
from lading.functions.contract.invocation import HEALTH
from lading.functions.front.health import EVERY_S, KEPT_S, PublicHealth, with_health
from lading.functions.front.invocation import Answer


class Functions:
    """The models' functions: each answers with its status, fails for None, or hangs."""

    def __init__(self, **statuses: int | None) -> None:
        self.statuses, self.calls = dict(statuses), 0
        self.freed = Signal()
        self.hanging: set[str] = set()

    def invoke(self, model: str, event: Mapping[str, Any]) -> Answer:
        assert event == {HEALTH: True}
        self.calls += 1
        if model in self.hanging:
            self.freed.wait()
        status = self.statuses[model]
        if status is None:
            raise InvocationFailed(model, "it raised ValueError")
        return {"statusCode": status}


class Clock:
    """A time that only tests move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def healths(functions: Functions, wait_s: float = 5.0) -> tuple[PublicHealth, Clock]:
    clock = Clock()
    return PublicHealth(functions.statuses, functions.invoke, clock, wait_s), clock


@pytest.mark.parametrize(
    ("statuses", "healthy"),
    [
        ({"a": 200, "b": 200}, True),
        ({"a": 200, "b": 503}, False),
        ({"a": 200, "b": None}, False),
        ({}, True),
    ],
    ids=["right", "wrong", "failed", "none"],
)
def test_an_api_is_healthy_when_every_model_answers_right(
    statuses: dict[str, int | None], healthy: bool
) -> None:
    health, _ = healths(Functions(**statuses))
    assert health.healthy() is healthy


def test_many_questions_cause_one_question_to_each_model_in_ten_seconds() -> None:
    functions = Functions(a=200, b=200)
    health, clock = healths(functions)
    for _ in range(1000):
        assert health.healthy()
        clock.now += EVERY_S / 1001
    assert functions.calls == 2
    clock.now += EVERY_S
    assert health.healthy()
    assert functions.calls == 4


def test_a_model_that_becomes_wrong_is_noticed_and_one_that_recovers_too() -> None:
    functions = Functions(a=200)
    health, clock = healths(functions)
    seen = []
    for status in (200, 503, 200):
        functions.statuses["a"] = status
        seen.append(health.healthy())
        clock.now += EVERY_S
    assert seen == [True, False, True]


def test_a_model_that_answers_late_counts_as_healthy_for_a_while_only() -> None:
    functions = Functions(a=200)
    health, clock = healths(functions, wait_s=0.5)
    assert health.healthy()
    functions.hanging.add("a")
    clock.now += EVERY_S
    assert health.healthy()
    clock.now += KEPT_S
    assert not health.healthy()
    functions.freed.set()


def test_a_model_that_has_never_answered_is_not_healthy() -> None:
    functions = Functions(a=200)
    functions.hanging.add("a")
    health, _ = healths(functions, wait_s=0.01)
    assert not health.healthy()
    functions.freed.set()


def test_the_answer_tells_yes_or_no_and_other_paths_go_on() -> None:
    health, clock = healths(functions := Functions(a=200))
    answer = with_health(lambda _event: {"statusCode": 404}, health, "ml")
    found = answer({"path": "/ml/health/predict", "httpMethod": "GET"})
    assert (found["statusCode"], json.loads(found["body"])) == (200, {"healthy": True})
    functions.statuses["a"] = 503
    clock.now += EVERY_S
    found = answer({"path": "/health/predict", "httpMethod": "GET"})
    assert (found["statusCode"], json.loads(found["body"])) == (503, {"healthy": False})
    assert found["headers"]["cache-control"] == "no-store"
    assert answer({"path": "/health/other", "httpMethod": "GET"}) == {"statusCode": 404}
