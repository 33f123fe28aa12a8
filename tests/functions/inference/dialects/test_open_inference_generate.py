"""Triton's generate extension before an engine that speaks OpenAI's completions."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.wire.asgi import App
from tests.support import sagemaker
from tests.support.driver import ask, serve
from tests.support.engines import proxy
from tests.support.sagemaker import answer, model_error, stream, stream_error
from tests.support.worlds import echo, settings_for

GENERATE, STREAM = "POST /v2/models/m/generate", "POST /v2/models/m/generate_stream"
NAMED = {"model_name": "m", "model_version": "1"}


def completion(text: str) -> bytes:
    return json.dumps({"choices": [{"index": 0, "text": text}]}).encode()


def event(text: str) -> bytes:
    return b"data: %b\n\n" % completion(text)


@pytest.fixture
def app(tmp_path: Path) -> App:
    return serve(proxy(tmp_path, "m"))


def events(body: bytes) -> list[Any]:
    return [json.loads(line.removeprefix(b"data: ")) for line in body.split(b"\n\n") if line]


@pytest.mark.parametrize(
    "request_",
    [
        {"text_input": "hi", "parameters": {"max_tokens": 3, "top_k": 5}},
        {"text_input": "hi", "max_tokens": 3, "top_k": 5, "id": "7"},
    ],
)
def test_a_text_is_answered_with_a_text(app: App, request_: dict[str, Any]) -> None:
    with sagemaker.running(answer(completion("ho"))) as aws:
        found = ask(app, GENERATE, request_)
        sent = json.loads(aws.asked[0].body)
    assert sent == {"prompt": "hi", "max_tokens": 3, "top_k": 5, "stream": False}
    assert (found.status, found.document) == (200, {**NAMED, "text_output": "ho"})


def test_parts_come_as_events(app: App) -> None:
    with sagemaker.running(stream([event("h"), event("o"), b"data: [DONE]\n\n"])):
        found = ask(app, STREAM, {"text_input": "hi"})
    assert found.headers["content-type"].startswith("text/event-stream")
    assert events(found.body) == [{**NAMED, "text_output": text} for text in "ho"]


def test_an_engine_may_end_without_a_word_once_it_has_said_why_it_stops(app: App) -> None:
    last = json.dumps({"choices": [{"text": "o", "finish_reason": "stop"}]}).encode()
    with sagemaker.running(stream([event("h"), b"data: %b\n\n" % last])):
        found = ask(app, STREAM, {"text_input": "hi"})
    assert [each["text_output"] for each in events(found.body)] == ["h", "o"]


@pytest.mark.parametrize("ends", [b"", stream_error("ModelStreamError", "gone")])
def test_a_stream_that_breaks_ends_with_an_error(app: App, ends: bytes) -> None:
    with sagemaker.running(stream([event("h")], ends)):
        found = ask(app, STREAM, {"text_input": "hi"})
    first, last = events(found.body)
    assert first["text_output"] == "h"
    assert list(last) == ["error"]


def test_an_event_without_an_end_is_the_engines_failure_and_not_ours(app: App) -> None:
    with sagemaker.running(stream([event("h"), b"data: " + bytes(1 << 20)])):
        found = ask(app, STREAM, {"text_input": "hi"})
    assert "its engine's answer cannot be read: an event" in events(found.body)[-1]["error"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        ([], "must be a JSON object"),
        ({}, "text_input"),
        ({"text_input": 1}, "text_input"),
        ({"text_input": "hi", "parameters": []}, "'parameters' must be a JSON object"),
        ({"text_input": "hi", "temperature": 9}, "temperature"),
    ],
)
@pytest.mark.parametrize("path", [GENERATE, STREAM])
def test_a_request_that_is_wrong_does_not_reach_the_engine(
    app: App, path: str, body: Any, reason: str
) -> None:
    with sagemaker.running() as aws:
        found = ask(app, path, body)
        assert not aws.asked
    assert (found.status, reason in found.error) == (400, True)


@pytest.mark.parametrize("path", [GENERATE, STREAM])
def test_an_engine_that_refuses_at_once_has_a_status_of_its_own(app: App, path: str) -> None:
    with sagemaker.running(model_error(400, '{"message": "too long"}')):
        found = ask(app, path, {"text_input": "hi"})
    assert (found.status, "too long" in found.error) == (400, True)


def test_an_answer_that_is_no_completion_is_the_engines_fault(app: App) -> None:
    with sagemaker.running(answer(b'{"choices": [{}]}')):
        found = ask(app, GENERATE, {"text_input": "hi"})
    assert (found.status, "not a text completion" in found.error) == (500, True)


def test_a_model_of_tensors_generates_nothing(tmp_path: Path) -> None:
    found = ask(serve(settings_for(tmp_path, {"m": {1: echo()}})), GENERATE, {"text_input": "hi"})
    assert (found.status, "use /v2/models/m/infer" in found.error) == (501, True)
