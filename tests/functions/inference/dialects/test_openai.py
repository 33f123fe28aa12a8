"""OpenAI's completions reach an engine and come back under our name, whole or as they are made."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.wire.asgi import App
from tests.support import sagemaker
from tests.support.driver import Answer, ask, serve
from tests.support.engines import proxy
from tests.support.sagemaker import (
    Reply,
    SageMaker,
    answer,
    model_error,
    refusal,
    stream,
    stream_error,
)
from tests.support.worlds import echo, settings_for

CHAT = "POST /v1/chat/completions"
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "/opt/ml/model",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "ho"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "/opt/ml/model"}
    return b"data: %b\n\n" % json.dumps({**head, "choices": [choice]}).encode()


@pytest.fixture
def app(tmp_path: Path) -> App:
    return serve(proxy(tmp_path, "m"))


def asked(app: App, reply: Reply, request: Any = REQUEST, path: str = CHAT) -> Answer:
    with sagemaker.running(reply):
        return ask(app, path, request)


def sent(aws: SageMaker) -> Any:
    return json.loads(aws.asked[0].body)


def error_of(reply: Answer) -> Any:
    assert list(reply.document) == ["error"]
    assert list(reply.document["error"]) == ["message", "type", "param", "code"]
    return reply.document["error"]


def events(body: bytes) -> list[Any]:
    datas = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
    return [data if data == b"[DONE]" else json.loads(data) for data in datas]


def test_an_answer_comes_back_as_it_is_under_our_name(app: App) -> None:
    with sagemaker.running(answer(json.dumps(WHOLE).encode())) as aws:
        found = ask(app, CHAT, {**REQUEST, "top_k": 5, "temperature": 0.5})
        assert sent(aws) == {"messages": REQUEST["messages"], "top_k": 5, "temperature": 0.5}
    assert found.status == 200
    assert found.document == {**WHOLE, "model": "m"}


def test_a_text_completion_goes_the_same_way(app: App) -> None:
    with sagemaker.running(answer(b'{"model": "x", "choices": []}')) as aws:
        found = ask(app, "POST /m/v1/completions", {"prompt": "hi"})
        assert sent(aws) == {"prompt": "hi"}
    assert found.document == {"model": "m", "choices": []}


def test_the_engine_is_told_its_own_name_for_the_model(tmp_path: Path) -> None:
    app = serve(proxy(tmp_path, "m", engine_model="tiny-llama"))
    with sagemaker.running(answer(b"{}")) as aws:
        assert ask(app, CHAT, REQUEST).status == 200
        assert sent(aws)["model"] == "tiny-llama"


@pytest.mark.parametrize("model", ["", None])
def test_the_only_model_need_not_be_named(app: App, model: str | None) -> None:
    assert asked(app, answer(b"{}"), {**REQUEST, "model": model}).status == 200


def test_a_model_that_is_not_served_is_not_found(app: App) -> None:
    found = ask(app, CHAT, {**REQUEST, "model": "gpt-9"})
    assert found.status == 404
    assert error_of(found)["code"] == "model_not_found"
    assert error_of(found)["type"] == "invalid_request_error"


def test_a_model_of_tensors_does_not_chat(tmp_path: Path) -> None:
    found = ask(serve(settings_for(tmp_path, {"m": {1: echo()}})), CHAT, REQUEST)
    assert found.status == 400
    assert "is not a language model" in error_of(found)["message"]


def test_a_language_model_takes_no_tensors(app: App) -> None:
    found = ask(app, "POST /predict", {"inputs": {}})
    assert found.status == 501
    assert "/v1/chat/completions" in found.error


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({**REQUEST, "temperature": 3}, "temperature"),
        ({**REQUEST, "model": 5}, "model"),
        ({"model": "m"}, "messages"),
        ([], None),
        (b"{", None),
    ],
)
def test_what_is_wrong_is_said_before_the_engine_is_asked(
    app: App, request_: Any, param: str | None
) -> None:
    with sagemaker.running(answer(b"{}")) as aws:
        found = ask(app, CHAT, request_)
        assert not aws.asked
    assert found.status == 400
    assert error_of(found)["type"] == "invalid_request_error"
    assert error_of(found)["param"] == param


SAID = {"message": "too long", "type": "BadRequestError", "param": "prompt", "code": 400}


@pytest.mark.parametrize("body", [{"error": SAID}, {"object": "error", **SAID}])
def test_what_the_engine_refuses_is_said_in_its_words(app: App, body: Any) -> None:
    found = asked(app, model_error(400, json.dumps(body)))
    assert found.status == 400
    assert error_of(found) == SAID


def test_a_refusal_in_no_known_form_is_quoted(app: App) -> None:
    found = asked(app, model_error(422, "<html>no</html>"))
    assert found.status == 400
    assert "<html>no</html>" in error_of(found)["message"]


@pytest.mark.parametrize(
    ("reply", "status", "code", "header"),
    [
        (refusal(400, "ThrottlingException"), 429, "rate_limit_exceeded", "retry-after: 1"),
        (refusal(400, "ValidationError", "no capacity"), 503, "cold", "retry-after: 60"),
        (refusal(400, "ValidationError", "e not found"), 503, "failed", "lading-reason: failed"),
        (model_error(0, "timed out"), 504, "timeout", "x-should-retry: false"),
        (model_error(500, "oops"), 500, "engine_error", "x-should-retry: false"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_faults_have_openais_form_and_say_whether_to_ask_again(  # noqa: PLR0913, PLR0917
    app: App, reply: Reply, streamed: bool, status: int, code: str, header: str
) -> None:
    found = asked(app, reply, {**REQUEST, "stream": streamed})
    assert (found.status, error_of(found)["code"]) == (status, code)
    assert header in [f"{name}: {value}" for name, value in found.headers.items()]


def test_an_answer_that_is_no_json_is_the_engines_fault(app: App) -> None:
    for body in (b"", b"[]", b"oops"):
        assert asked(app, answer(body)).status == 500


def test_a_body_over_the_endpoints_limit_is_refused(tmp_path: Path) -> None:
    found = ask(serve(proxy(tmp_path, "m", payload_limit=10)), CHAT, REQUEST)
    assert (found.status, error_of(found)["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("size", [1, 7, 100, 10000])
def test_a_stream_is_the_engines_under_our_name(app: App, size: int) -> None:
    content = chunk("h") + chunk("o", "stop") + b"data: [DONE]\n\n"
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    found = asked(app, stream(parts), {**REQUEST, "stream": True})
    assert found.status == 200
    assert found.headers["content-type"] == "text/event-stream; charset=utf-8"
    first, second, done = events(found.body)
    assert (first["model"], first["choices"][0]["delta"]["content"]) == ("m", "h")
    assert second["choices"][0]["finish_reason"] == "stop"
    assert done == b"[DONE]"


def test_a_complete_stream_ends_with_done_even_where_the_engine_does_not_say_so(app: App) -> None:
    lines = chunk("h", "stop").removeprefix(b"data: ")
    assert events(asked(app, stream([lines]), {**REQUEST, "stream": True}).body)[-1] == b"[DONE]"


H = chunk("h")
BROKEN = {
    "error": stream([H], stream_error("StreamBroken", "x")),
    "connection": stream([H], None),
    "too early": stream([H]),
    "no JSON": stream([H, b"data: oops\n\n"]),
    "engine": stream([H, b'data: {"error": {"message": "x"}}\n\n']),
    "endless": stream([H, b"x" * (1 << 21)]),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_a_half_sent_stream_ends_with_an_error_and_without_done(app: App, reply: Reply) -> None:
    found = asked(app, reply, {**REQUEST, "stream": True})
    assert found.status == 200
    first, last = events(found.body)
    assert first["choices"][0]["delta"]["content"] == "h"
    assert last["error"]["type"] == "server_error"
    assert last["error"]["code"] == "engine_error"


@pytest.mark.parametrize("key", ["temperature", "tools", "messages"])
def test_what_is_nested_too_deeply_to_be_passed_on_is_refused(app: App, key: str) -> None:
    nested = "[" * 1000 + "]" * 1000
    body = json.dumps(REQUEST)[:-1] + f', "{key}": {nested}' + "}"
    refused = asked(app, answer(b"{}"), body.encode())
    assert (refused.status, error_of(refused)["type"]) == (400, "invalid_request_error")
