"""Answers that are to come later."""

from collections.abc import Mapping
from typing import Any

import pytest

from lading.functions.traffic_hook.patience import HookRetries

GOOD = {"statusCode": 200}
PLENTY, LITTLE = 900_000, 20_000


def waking(**headers: str) -> dict[str, Any]:
    return {"statusCode": 503, "headers": headers}


def insist(left_ms: int, *answers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers that were asked for; the last one came out."""
    waiting, asked = list(answers), list[Mapping[str, Any]]()

    def ask() -> Mapping[str, Any]:
        asked.append(waiting.pop(0))
        return asked[-1]

    assert HookRetries(lambda: left_ms).insist(ask) is asked[-1]
    return asked


@pytest.mark.parametrize(
    "later",
    [
        waking(**{"Retry-After": "0"}),
        waking(**{"retry-after": "0"}),
        {"statusCode": 503, "headers": None, "multiValueHeaders": {"Retry-After": ["0"]}},
    ],
)
def test_what_is_to_come_later_is_waited_for(later: Mapping[str, Any]) -> None:
    assert insist(PLENTY, later, later, GOOD) == [later, later, GOOD]


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        {"statusCode": 503},
        waking(),
        waking(**{"Retry-After": "soon"}),
        {"statusCode": 500, "headers": {"Retry-After": "0"}},
        {"statusCode": 429, "headers": {"Retry-After": "0"}},
    ],
)
def test_any_other_answer_is_the_answer(answer: Mapping[str, Any]) -> None:
    assert insist(PLENTY, answer) == [answer]


def test_nothing_is_waited_for_when_the_functions_time_ends() -> None:
    later = waking(**{"Retry-After": "1"})
    assert insist(LITTLE, later) == [later]
