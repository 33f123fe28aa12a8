"""A request with a key is answered once, whoever sends it again and when."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.entry.service import answerer
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.wire.asgi import App
from tests.support import s3, sagemaker
from tests.support.driver import Answer, ask
from tests.support.engines import proxy
from tests.support.sagemaker import SageMaker, answer, model_error, refusal, stream

CHAT = {"messages": [{"role": "user", "content": "hi"}]}
PATH = "POST /m/v1/chat/completions"


@pytest.fixture(scope="module")
def table() -> Iterator[str]:
    """The address of a DynamoDB that has the table."""
    with s3.running() as url, s3.aws(url):
        boto3.client("dynamodb").create_table(
            TableName="answered",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        yield url


@pytest.fixture
def aws(table: str) -> Iterator[SageMaker]:
    with (
        sagemaker.running() as running,
        s3.aws(
            table,
            AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=running.url,
            AWS_ENDPOINT_URL_SAGEMAKER=running.url,
        ),
    ):
        yield running


@pytest.fixture
def app(tmp_path: Path) -> App:
    told = proxy(tmp_path, "m", payload_limit=1 << 30)
    settings = ServingSettings(
        models=told.models,
        model_root=told.model_root,
        endpoint=told.endpoint,
        idempotency_table="answered",
    )
    return create_app(load_catalog(settings), respond=answerer(settings))


@pytest.fixture
def key(request: pytest.FixtureRequest) -> dict[str, str]:
    """A key that no other test has."""
    return {"idempotency-key": request.node.name}


def numbered(number: int, filler: str = "") -> sagemaker.Reply:
    return answer(json.dumps({"model": "m", "id": number, "filler": filler}).encode())


def identities(*answers: Answer) -> list[Any]:
    return [answered.document["id"] for answered in answers]


def test_the_same_request_has_the_same_answer_and_is_done_once(
    app: App, aws: SageMaker, key: dict[str, str]
) -> None:
    aws.replies += [numbered(1), numbered(2)]
    first, second = ask(app, PATH, CHAT, key), ask(app, PATH, CHAT, key)
    assert identities(first, second) == [1, 1]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert (first.status, first.headers["content-type"]) == (
        second.status,
        second.headers["content-type"],
    )
    assert len(aws.asked) == 1


@pytest.mark.parametrize("other", [{}, {"idempotency-key": "another"}])
def test_without_the_same_key_it_is_another_request(
    app: App, aws: SageMaker, key: dict[str, str], other: dict[str, str]
) -> None:
    aws.replies += [numbered(1), numbered(2)]
    headers = {**key, **other} if other else {}
    assert identities(ask(app, PATH, CHAT, key), ask(app, PATH, CHAT, headers)) == [1, 2]


def test_a_key_belongs_to_the_caller_that_the_gateway_names(
    app: App, aws: SageMaker, key: dict[str, str]
) -> None:
    aws.replies += [numbered(1), numbered(2)]
    acme, other = ({"authorizer": {"tenant": name}} for name in ("acme", "other"))
    found = [ask(app, PATH, CHAT, key, context=context) for context in (acme, other, acme)]
    assert identities(*found) == [1, 2, 1]


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-amzn-request-context"])
def test_a_header_makes_nobody_another_caller(
    app: App, aws: SageMaker, key: dict[str, str], header: str
) -> None:
    aws.replies += [numbered(1), numbered(2)]
    context, pretended = {"authorizer": {"tenant": "acme"}}, json.dumps({"ladingCaller": "other"})
    first = ask(app, PATH, CHAT, key, context=context)
    second = ask(app, PATH, CHAT, {**key, header: pretended}, context=context)
    assert identities(first, second) == [1, 1]


def test_a_key_is_not_good_for_another_body(app: App, aws: SageMaker, key: dict[str, str]) -> None:
    aws.replies += [numbered(1)]
    ask(app, PATH, CHAT, key)
    found = ask(app, PATH, {**CHAT, "temperature": 1}, key)
    assert found.status == 422
    assert "used with another body" in found.document["error"]["message"]
    assert len(aws.asked) == 1


@pytest.mark.parametrize(
    "reply", [refusal(400, "ThrottlingException"), model_error(500, "x"), model_error(400, "x")]
)
def test_what_went_wrong_may_be_tried_again(
    app: App, aws: SageMaker, key: dict[str, str], reply: sagemaker.Reply
) -> None:
    aws.replies.append(reply)
    assert ask(app, PATH, CHAT, key).status >= 400
    aws.replies[:] = [numbered(2)]
    assert identities(ask(app, PATH, CHAT, key)) == [2]


def test_an_answer_that_is_too_long_to_keep_is_given_all_the_same(
    app: App, aws: SageMaker, key: dict[str, str]
) -> None:
    aws.replies += [numbered(1, "x" * 300_000), numbered(2)]
    assert identities(ask(app, PATH, CHAT, key), ask(app, PATH, CHAT, key)) == [1, 2]


def test_a_stream_is_not_kept(app: App, aws: SageMaker, key: dict[str, str]) -> None:
    aws.replies.append(stream([b"data: [DONE]\n\n"]))
    for _ in range(2):
        assert ask(app, PATH, {**CHAT, "stream": True}, key).body == b"data: [DONE]\n\n"
    assert len(aws.asked) == 2


def test_the_same_request_meanwhile_is_refused(
    app: App, aws: SageMaker, key: dict[str, str]
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(handler: Any, asked: sagemaker.Asked) -> None:
        begun.set()
        go_on.wait(60)
        numbered(1)(handler, asked)

    aws.replies.append(slow)
    found: list[Answer] = []
    first = threading.Thread(target=lambda: found.append(ask(app, PATH, CHAT, key)))
    first.start()
    assert begun.wait(60)
    second = ask(app, PATH, CHAT, key)
    go_on.set()
    first.join()
    assert (second.status, second.headers["retry-after"]) == (409, "1")
    assert "is still running" in second.document["error"]["message"]
    assert identities(*found) == [1]


@pytest.mark.parametrize("value", ["", "x" * 256, "tab\there"])
def test_a_key_that_is_none_is_refused(app: App, aws: SageMaker, value: str) -> None:
    assert ask(app, PATH, CHAT, {"idempotency-key": value}).status == 400


def test_other_methods_have_no_use_for_a_key(app: App, aws: SageMaker, key: dict[str, str]) -> None:
    assert ask(app, "GET /m/v1/models", b"", key).status == 200


def test_without_the_table_nothing_is_answered_and_nothing_told(
    app: App, aws: SageMaker, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    found = ask(app, PATH, CHAT, key)
    assert found.status == 500
    assert "127.0.0.1" not in found.body.decode()
    assert not aws.asked
