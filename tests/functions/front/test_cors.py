"""Browsers may ask at the root as they may ask a model, and learn first whether they may."""

from typing import Any

import pytest

from lading.functions.front.cors import allow_origins
from lading.functions.front.front import Front
from tests.functions.front.conftest import Models, request

HERE = "https://here.example"
ALLOW = "access-control-allow-origin"


def asked(front: Front, target: str, origin: str | None, *origins: str) -> dict[str, Any]:
    event = request(target)
    event["headers"] = {"Origin": origin} if origin else {}
    return allow_origins(front.answer, origins)(event)


@pytest.mark.parametrize("path", ["/v2/models/double/infer", "/double/predict", "/", "/other"])
def test_the_question_before_is_answered_without_a_model(
    front: Front, models: Models, path: str
) -> None:
    answer = asked(front, f"OPTIONS {path}", HERE, "https://b.example", HERE)
    assert (answer["statusCode"], answer["headers"][ALLOW]) == (200, HERE)
    assert "POST" in answer["headers"]["access-control-allow-methods"]
    assert models.events == []


@pytest.mark.parametrize("origin", ["https://there.example", None])
def test_another_page_learns_that_it_may_not(front: Front, origin: str | None) -> None:
    answer = asked(front, "OPTIONS /v2", origin, HERE)
    assert (answer["statusCode"], ALLOW in answer["headers"]) == (403, False)
    assert ALLOW not in asked(front, "GET /v2", origin, HERE)["headers"]


@pytest.mark.parametrize(("target", "status"), [("GET /v2", 200), ("POST /predict/absent", 404)])
def test_what_is_answered_here_may_be_read(front: Front, target: str, status: int) -> None:
    answer = asked(front, target, HERE, "*")
    assert (answer["statusCode"], answer["headers"][ALLOW]) == (status, "*")


@pytest.mark.parametrize("kind", ["headers", "multiValueHeaders"])
def test_what_a_model_answered_has_its_own_headers_alone(kind: str) -> None:
    answer = {"statusCode": 200, kind: {"Access-Control-Allow-Origin": ["*"]}, "body": ""}
    front = Front({"m": "f"}, lambda _function, _event: answer, log=lambda _line: None)
    assert asked(front, "GET /v2/models/m", HERE, "*") is answer


@pytest.mark.parametrize("headers", [{}, {"headers": None}])
def test_a_model_may_answer_without_a_header(headers: dict[str, None]) -> None:
    answer = {"statusCode": 200, **headers, "body": ""}
    front = Front({"m": "f"}, lambda _function, _event: answer, log=lambda _line: None)
    assert asked(front, "GET /v2/models/m", HERE, "*")["headers"][ALLOW] == "*"


def test_without_a_word_nothing_changes(front: Front) -> None:
    respond = front.answer
    assert allow_origins(respond, ()) == respond
    assert asked(front, "OPTIONS /v2", HERE)["statusCode"] == 405
