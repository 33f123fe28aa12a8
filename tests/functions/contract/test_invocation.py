import base64
import json
from typing import Any

import pytest

from lading.functions.contract.invocation import (
    answer_body,
    answer_warm_up,
    proxy_event,
    request_path,
)


def test_a_body_travels_in_base64_as_through_the_api() -> None:
    event = proxy_event("POST", "/m/predict", {}, json.dumps({"inputs": 1}).encode())
    assert event["isBase64Encoded"]
    assert json.loads(base64.b64decode(event["body"])) == {"inputs": 1}


def test_a_request_without_a_body_has_an_empty_one() -> None:
    assert proxy_event("GET", "/m/v2/health/ready", {}, b"")["body"] == ""


def test_the_body_of_an_answer_is_read_in_both_forms() -> None:
    assert answer_body({"body": "text"}) == b"text"
    assert answer_body({"body": "dGV4dA==", "isBase64Encoded": True}) == b"text"
    assert answer_body({}) == b""


@pytest.mark.parametrize(
    ("path", "base", "read"),
    [
        ("/v1/models/digits%3Apredict", "", "/v1/models/digits:predict"),
        ("/di%67its/predict", "", "/digits/predict"),
        ("/digits/a%252Fb", "", "/digits/a%2Fb"),
        ("/ml/digits/predict", "ml", "/digits/predict"),
        ("/%6Dl/digits/predict", "ml", "/digits/predict"),
        ("/ml", "ml", "/"),
        ("/digits/predict", "ml", "/digits/predict"),
        ("/mlops/predict", "ml", "/mlops/predict"),
    ],
)
def test_a_path_is_decoded_once_and_read_below_the_base_path(
    path: str, base: str, read: str
) -> None:
    assert request_path({"path": path}, base) == read


def test_a_path_with_a_percent_sign_reaches_its_reader_unchanged() -> None:
    event = proxy_event("POST", "/m/labels/50%:predict", {}, b"")
    assert event["path"] == "/m/labels/50%25:predict"
    assert request_path(event) == "/m/labels/50%:predict"


SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


@pytest.mark.parametrize(
    "event",
    [
        SCHEDULE,
        {**SCHEDULE, "source": "aws.scheduler"},
        {"source": "aws.scheduler"},
        {"source": "serverless-plugin-warmup"},
        {"warmer": True, "concurrency": 3},
        {"warmup": True},
    ],
    ids=["rule", "schedule", "scheduler", "plugin", "warmer", "warmup"],
)
def test_a_schedule_or_a_warmer_is_answered_as_a_warm_up(event: dict[str, Any]) -> None:
    assert answer_warm_up(event) == {"warm": True}


def test_a_request_of_the_gateway_is_no_warm_up() -> None:
    event = proxy_event("POST", "/m/predict", {}, b"")
    assert answer_warm_up({**event, "warmer": True}) is None


@pytest.mark.parametrize("event", [{}, {"warmer": False}, {"Records": []}], ids=json.dumps)
def test_another_event_is_refused_with_its_keys(event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"its keys: {', '.join(event)}$"):
        answer_warm_up(event)
