"""Root paths are answered as one application with every model would answer them."""

import json
import threading
from typing import Any

import pytest

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.errors import (
    AtCapacity,
    InvocationFailed,
    InvocationTimedOut,
    NotDeployed,
)
from lading.functions.front.front import Front
from lading.functions.front.invocation import Answer, Event
from lading.functions.inference.wire.asgi import App
from tests.functions.front.conftest import Models, document, request
from tests.support.driver import ask

ROWS = {"inputs": [[1, 2]]}
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
TENSOR = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]}

ALIKE = [
    ("POST /predict/versions/1", ROWS),
    ("DELETE /v1/models", None),
    ("DELETE /v1/models/double", None),
    ("GET /v1/models/double/versions/9", None),
    ("GET /v1/models/absent/versions/9", None),
    ("GET /explanations/double", None),
    ("POST /workflows/double", None),
    ("POST /models", None),
    ("POST /predict/double", ROWS),
    ("POST /predict/same/", ROWS),
    ("POST /predict/double", {"inputs": "no"}),
    ("POST /predict/absent", ROWS),
    ("POST /predict", ROWS),
    ("GET /predict", None),
    ("GET /predict/double", None),
    ("POST /predict/double/more", ROWS),
    ("POST /v1/models/double:predict", {"instances": [[1, 2]]}),
    ("GET /v1/models/same/versions/1/metadata", None),
    ("POST /v1/models/absent:predict", {"instances": [[1, 2]]}),
    ("GET /v1/models/absent", None),
    ("GET /v1/models/absent/metadata", None),
    ("GET /v1/models", None),
    ("GET /v1/other", None),
    ("POST /v1/chat/completions", {**CHAT, "model": "absent"}),
    ("POST /v1/chat/completions", {**CHAT, "model": "same"}),
    ("POST /v1/chat/completions", CHAT),
    ("POST /v1/embeddings", {"model": "absent", "input": "a"}),
    ("POST /v1/embeddings", {"model": "same", "input": "a"}),
    ("POST /v1/completions", {"prompt": "hi"}),
    ("POST /v1/completions", {"prompt": "hi", "model": 5}),
    ("POST /v1/completions", []),
    ("GET /v1/chat/completions", None),
    ("POST /v1/chat/other", CHAT),
    ("POST /v2/models/same/infer", TENSOR),
    ("POST /v2/models/same/labels/stable/infer", TENSOR),
    ("GET /v2/models/same", None),
    ("GET /v2/models/same/ready", None),
    ("GET /v2/models/absent", None),
    ("POST /v2/models/absent/infer", TENSOR),
    ("GET /v2/models/same/other", None),
    ("POST /v2/models/same/ready", None),
    ("GET /v2", None),
    ("POST /v2", None),
    ("GET /v2/health/live", None),
    ("GET /v2/health/ready", None),
    ("GET /v2/other", None),
    ("POST /v2/repository/index", None),
    ("POST /v2/repository/index", {}),
    ("POST /v2/repository/index", {"ready": True}),
    ("POST /v2/repository/index", {"ready": 1}),
    ("POST /v2/repository/index", []),
    ("GET /v2/repository/index", None),
    ("POST /v2/repository/models/double/load", None),
    ("POST /v2/repository/models/double/unload", None),
    ("GET /v2/models/stats", None),
    ("POST /v2/models/stats", None),
    ("GET /v2/models/double/stats", None),
    ("GET /v2/models/double/versions/1/stats", None),
    ("GET /v2/models/absent/stats", None),
    ("GET /v2/models/double/config", None),
    ("POST /predictions/double", [[1, 2]]),
    ("POST /predictions/double/1.0", {"data": [[1, 2]]}),
    ("POST /predictions/absent", [[1, 2]]),
    ("POST /predictions", [[1, 2]]),
    ("GET /ping", None),
    ("GET /models", None),
    ("GET /", None),
    ("GET /models/double", None),
    ("GET /models/absent", None),
]


@pytest.mark.parametrize(("target", "body"), ALIKE, ids=lambda value: str(value)[:45])
def test_a_root_path_has_the_answer_that_one_service_with_all_models_gives(
    front: Front, whole: App, target: str, body: Any
) -> None:
    answer = front.answer(request(target, body))
    expected = ask(whole, target, b"" if body is None else body)
    assert (answer["statusCode"], document(answer)) == (expected.status, expected.document)
    assert answer["headers"].get("allow") == expected.headers.get("allow")


def test_the_function_gets_the_very_event_and_its_answer_goes_back_as_it_is() -> None:
    odd = {"statusCode": 418, "multiValueHeaders": {"x": ["1"]}, "body": "aGk=", "more": True}
    event = request("POST /v2/models/m/infer", TENSOR)
    got: list[tuple[str, Event]] = []

    def invoke(model: str, event: Event) -> Answer:
        got.append((model, event))
        return odd

    assert Front(["m"], invoke, log=lambda _line: None).answer(event) is odd
    assert got[0][0] == "m"
    assert got[0][1] is event


@pytest.mark.parametrize("target", ["GET /openapi.json"])
def test_documents_come_from_the_first_model(front: Front, models: Models, target: str) -> None:
    assert front.answer(request(target))["statusCode"] == 200
    assert len(models.events) == 1


def test_the_only_model_answers_where_the_path_names_none(models: Models) -> None:
    front = Front(["double"], models.invoke, log=lambda _line: None)
    answer = front.answer(request("POST /predict", ROWS))
    assert document(answer)["outputs"] == {"y": [[2, 4]]}


def test_metadata_and_life_wake_no_model(front: Front, models: Models) -> None:
    front.answer(request("GET /v2"))
    front.answer(request("GET /v2/health/live"))
    assert models.events == []


def test_head_is_answered_like_get_without_a_body(front: Front) -> None:
    answer = front.answer(request("HEAD /v2/health/ready"))
    assert (answer["statusCode"], answer["body"]) == (200, "")


@pytest.mark.parametrize("name", ["digits", "v2", "../x", "%2564ouble", "ä" * 300])
def test_a_name_that_is_no_model_reaches_no_function(
    front: Front, models: Models, name: str
) -> None:
    answer = front.answer(request(f"POST /v2/models/{name}/infer", TENSOR))
    assert answer["statusCode"] == 404
    assert len(answer["body"]) < 1000
    assert models.events == []


FAILURES = [
    (NotDeployed("double", "gone"), 503, "model 'double' is not deployed"),
    (
        AtCapacity("double", "TooManyRequestsException"),
        503,
        "model 'double' is at capacity; retry in 1 s",
    ),
    (InvocationTimedOut("double", "read"), 504, "model 'double' did not answer in time"),
    (InvocationFailed("double", "secret detail"), 502, "model 'double' failed to answer"),
]


@pytest.mark.parametrize(("error", "status", "text"), FAILURES, ids=lambda value: str(value)[:20])
def test_a_failed_invocation_is_a_5xx_that_names_the_model(
    front: Front, models: Models, error: Any, status: int, text: str
) -> None:
    models.failing["double"] = error
    answer = front.answer(request("POST /predict/double", ROWS))
    assert (answer["statusCode"], document(answer)) == (status, {"error": text})
    assert ("retry-after" in answer["headers"]) == isinstance(error, AtCapacity)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (NotDeployed("double", "gone"), 503, "ServiceUnavailableException"),
        (AtCapacity("double", "TooManyRequestsException"), 503, "ServiceUnavailableException"),
        (InvocationTimedOut("double", "read"), 504, "RequestTimeoutException"),
        (InvocationFailed("double", "secret detail"), 502, "InternalServerException"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_failed_invocation_has_torchserves_name_for_it(
    front: Front, models: Models, error: Any, status: int, kind: str
) -> None:
    models.failing["double"] = error
    answer = front.answer(request("POST /predictions/double", [[1, 2]]))
    assert answer["statusCode"] == status
    told = document(answer)
    assert list(told) == ["code", "type", "message"]
    assert (told["code"], told["type"]) == (status, kind)
    assert told["message"].startswith("model 'double'")


def test_one_failing_model_makes_the_whole_not_ready(front: Front, models: Models) -> None:
    models.failing["same"] = InvocationFailed("m", "crash")
    answer = front.answer(request("GET /v2/health/ready"))
    assert (answer["statusCode"], document(answer)) == (503, {"ready": False})


def test_a_failing_model_is_listed_with_the_reason(front: Front, models: Models) -> None:
    models.failing["double"] = InvocationFailed("m", "crash")
    double, same = document(front.answer(request("GET /models")))
    assert double["versions"] == []
    assert double["reason"] == "it did not answer"
    assert same["default_version"] == 1


@pytest.mark.parametrize(("ready", "listed"), [(False, ["double", "same"]), (True, ["same"])])
def test_a_failing_model_is_not_ready_in_tritons_index(
    front: Front, models: Models, ready: bool, listed: list[str]
) -> None:
    models.failing["double"] = InvocationFailed("m", "crash")
    index = document(front.answer(request("POST /v2/repository/index", {"ready": ready})))
    assert [each["name"] for each in index] == listed
    assert index[-1]["state"] == "READY"
    assert ready or (index[0]["state"], index[0]["reason"]) == ("UNAVAILABLE", "it did not answer")


def test_statistics_are_of_the_models_that_answer(front: Front, models: Models) -> None:
    models.failing["double"] = InvocationFailed("m", "crash")
    told = document(front.answer(request("GET /v2/models/stats")))
    assert [each["name"] for each in told["model_stats"]] == ["same"]


def test_a_silent_model_holds_the_others_up_for_the_time_limit_alone() -> None:
    released = threading.Event()

    def invoke(model: str, _event: Event) -> Answer:
        if model == "b":
            released.wait(10)
        return {"statusCode": 200, "body": "[]"}

    front = Front("abc", invoke, log=lambda _line: None, gather_limit_s=0.2)
    try:
        assert document(front.answer(request("GET /v2/health/ready"))) == {"ready": False}
    finally:
        released.set()


def test_models_are_asked_side_by_side() -> None:
    together = threading.Barrier(3, timeout=60)

    def invoke(_model: str, _event: Event) -> Answer:
        together.wait()
        return {"statusCode": 200, "body": "[]"}

    front = Front("abc", invoke, log=lambda _line: None)
    assert document(front.answer(request("GET /v2/health/ready"))) == {"ready": True}


@pytest.mark.parametrize("seen", ["double", "double,absent"])
def test_a_token_for_some_models_sees_no_other(front: Front, models: Models, seen: str) -> None:
    assert [each["name"] for each in document(front.answer(request("GET /models", seen=seen)))] == [
        "double"
    ]
    hidden = front.answer(request("POST /predict/same", ROWS, seen))
    assert hidden["statusCode"] == 404
    assert "same" not in document(hidden)["error"].partition("served here")[2]
    assert len(models.events) == 1


def test_a_token_for_every_model_sees_all(front: Front) -> None:
    listed = document(front.answer(request("GET /models", seen="*")))
    assert [each["name"] for each in listed] == ["double", "same"]


def test_a_line_tells_how_long_a_model_took_and_what_went_wrong(models: Models) -> None:
    lines: list[str] = []
    models.failing["double"] = InvocationFailed("double", "RuntimeError")
    front = Front(["double"], models.invoke, lines.append)
    front.answer(request("POST /predict/double", ROWS))
    (line,) = map(json.loads, lines)
    assert line["total_ms"] >= 0
    assert (line["model"], line["error"], line["reason"]) == (
        "double",
        "InvocationFailed",
        "RuntimeError",
    )


def test_every_route_that_names_no_model_says_how_the_front_answers_it() -> None:
    nameless = [route for it in DIALECTS for route in it.routes if "{model}" not in route.template]
    assert len(nameless) > 10
    assert all(route.at_root for route in nameless)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/double%3Apredict",
        "/v1/mode%6Cs/double:predict",
        "/ml/v1/models/double:predict",
        "/%6Dl/v1/models/double%3Apredict",
    ],
)
def test_an_escaped_path_and_one_below_the_base_path_reach_the_same_model(
    models: Models, path: str
) -> None:
    front = Front(models.apps, models.invoke, log=lambda _line: None, base_path="ml")
    event = request(f"POST {path}", {"instances": [[1, 2]]})
    front.answer(event)
    (passed,) = models.events
    assert passed is event
