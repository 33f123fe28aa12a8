"""Pages of the origins that are named may ask, in every dialect; without a word none may."""

from pathlib import Path

import pytest

from lading.functions.contract.origins import read_origins
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.wire.asgi import App
from lading.functions.inference.wire.cors import allow_origins
from tests.support.driver import ask, serve
from tests.support.interpreter import proxy_event
from tests.support.worlds import echo, settings_for

HERE = {"origin": "https://here.example"}
ALLOW = "access-control-allow-origin"


def app_of(root: Path, origins: str) -> App:
    return allow_origins(serve(settings_for(root, {"m": {1: echo()}})), read_origins(origins))


def test_without_a_word_no_page_may_ask(tmp_path: Path) -> None:
    app = app_of(tmp_path, "")
    assert ALLOW not in ask(app, "POST /m/predict", {"inputs": [[1, 2]]}, HERE).headers
    assert ask(app, "OPTIONS /m/predict", b"", HERE).status == 405


@pytest.mark.parametrize("path", ["/v1/models/m:predict", "/v2/models/m/infer", "/predictions/m"])
@pytest.mark.parametrize(
    ("origins", "allowed"),
    [("*", "*"), ("https://here.example, http://b.example", "https://here.example")],
)
def test_a_preflight_is_answered_for_every_dialect(
    tmp_path: Path, path: str, origins: str, allowed: str
) -> None:
    answer = ask(app_of(tmp_path, origins), f"OPTIONS {path}", b"", HERE)
    assert (answer.status, answer.body, answer.headers[ALLOW]) == (200, b"", allowed)
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST, PUT"
    assert answer.headers["access-control-allow-headers"] == "Authorization, *"


def test_answers_and_errors_may_be_read(tmp_path: Path) -> None:
    app = app_of(tmp_path, "https://here.example")
    for body, status in (({"inputs": [[1, 2]]}, 200), ({}, 400)):
        answer = ask(app, "POST /m/predict", body, HERE)
        assert (answer.status, answer.headers[ALLOW]) == (status, "https://here.example")
        assert answer.headers["vary"] == "origin"


def test_another_origin_is_not_told_that_it_may(tmp_path: Path) -> None:
    app = app_of(tmp_path, "https://here.example")
    for headers in ({"origin": "https://there.example"}, {}):
        assert ALLOW not in ask(app, "GET /v2", b"", headers).headers
        assert ask(app, "OPTIONS /v2", b"", headers).status == 405


def test_the_handler_is_told_by_its_environment(tmp_path: Path) -> None:
    told = settings_for(tmp_path, {"m": {1: echo()}}).to_environment()
    handler = create_handler(ServingSettings.from_environment({**told, "LADING_CORS": "*"}))
    event = proxy_event("GET", "/m/v2")
    event["multiValueHeaders"] = {"origin": ["https://here.example"]}
    answer = handler(event, None)
    assert ALLOW in {**answer.get("headers", {}), **answer.get("multiValueHeaders", {})}
    with pytest.raises(ValueError, match="LADING_CORS"):
        ServingSettings.from_environment({"LADING_CORS": "anything"})
