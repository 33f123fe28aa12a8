"""OpenAI's stock client, unchanged, against every way to an endpoint, over a real boto3."""

import json
from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from tests.contracts.wire.ways import STREAMING_WAYS, WAYS_TO_AN_ENDPOINT, Way
from tests.support import sagemaker
from tests.support.engines import proxy
from tests.support.sagemaker import SageMaker, answer, model_error, refusal, stream, stream_error

HEAD = {"id": "c", "created": 1, "model": "engine"}
HELLO: ChatCompletionUserMessageParam = {"role": "user", "content": "hi"}


def chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    document = {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: %b\n\n" % json.dumps(document).encode()


DONE = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def sagemaker_api() -> Iterator[SageMaker]:
    with sagemaker.running() as running:
        yield running


@pytest.fixture(scope="module", params=WAYS_TO_AN_ENDPOINT)
def client(
    request: pytest.FixtureRequest,
    sagemaker_api: SageMaker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OpenAI]:
    way: Way = request.param
    with (
        way(proxy(tmp_path_factory.mktemp("proxy"), "m")) as address,
        OpenAI(base_url=f"http://{address}/v1", api_key="none", max_retries=1) as stock,
    ):
        yield stock


@pytest.fixture
def aws(sagemaker_api: SageMaker) -> SageMaker:
    """Asked nothing yet, and without an answer."""
    sagemaker_api.replies.clear()
    sagemaker_api.asked.clear()
    sagemaker_api.stopped.clear()
    return sagemaker_api


def test_models_are_listed_and_described(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["m"]
    assert client.models.retrieve("m").object == "model"


def test_a_chat_is_answered(client: OpenAI, aws: SageMaker) -> None:
    message = {"role": "assistant", "content": "ho"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    document = {**HEAD, "object": "chat.completion", "choices": choices}
    aws.replies.append(answer(json.dumps(document).encode()))
    found = client.chat.completions.create(model="m", messages=[HELLO])
    assert (found.model, found.choices[0].message.content) == ("m", "ho")


def test_a_text_is_completed(client: OpenAI, aws: SageMaker) -> None:
    choices = [{"index": 0, "text": "ho", "finish_reason": "stop", "logprobs": None}]
    document = {**HEAD, "object": "text_completion", "choices": choices}
    aws.replies.append(answer(json.dumps(document).encode()))
    assert client.completions.create(model="m", prompt="hi").choices[0].text == "ho"


def chat(client: OpenAI) -> Iterator[str]:
    for event in client.chat.completions.create(model="m", messages=[HELLO], stream=True):
        assert event.model == "m"
        yield event.choices[0].delta.content or ""


def test_a_chat_is_streamed(client: OpenAI, aws: SageMaker) -> None:
    aws.replies.append(stream([chunk("h"), chunk("o", "stop"), DONE]))
    assert list(chat(client)) == ["h", "o"]


def test_a_half_sent_stream_is_an_error_after_what_came(client: OpenAI, aws: SageMaker) -> None:
    aws.replies.append(stream([chunk("h")], stream_error("StreamBroken", "x")))
    texts = chat(client)
    assert next(texts) == "h"
    with pytest.raises(openai.APIError, match="failed to predict"):
        next(texts)


@pytest.mark.parametrize("client", STREAMING_WAYS, indirect=True)
def test_a_client_that_goes_away_stops_the_engine(client: OpenAI, aws: SageMaker) -> None:
    aws.replies.append(stream([chunk("h")] * 5000, pause_s=0.002))
    response = client.chat.completions.create(model="m", messages=[HELLO], stream=True)
    next(iter(response))
    response.close()
    assert aws.stopped.wait(60)


def test_errors_are_those_that_the_client_knows(client: OpenAI, aws: SageMaker) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.completions.create(model="gpt-9", prompt="hi")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.completions.create(model="m", prompt="hi", temperature=9)
    assert wrong.value.param == "temperature"
    aws.replies.append(refusal(400, "ThrottlingException"))
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=0).completions.create(model="m", prompt="hi")


def test_what_may_have_begun_is_not_asked_for_again_by_the_client(
    client: OpenAI, aws: SageMaker
) -> None:
    aws.replies.append(model_error(500, "CUDA error"))
    with pytest.raises(openai.InternalServerError):
        client.completions.create(model="m", prompt="hi")
    assert len(aws.asked) == 1
