"""A chat, streamed to OpenAI's stock client by a real engine, through everything between them.

The client asks the proxy as Lambda runs it behind the web adapter, a process of its own; that asks
`sagemaker-runtime` with boto3; and the emulated API asks `transformers serve`.
"""

import json
from collections.abc import Iterator

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from lading.emulator.engines.container_process import EngineProcess
from lading.emulator.engines.language import transformers_program
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from tests.contracts.wire.ways import web_adapter
from tests.emulator.language_models import write_language_model
from tests.support.emulator_sagemaker import serving
from tests.support.engines import proxy
from tests.support.frameworks import needs
from tests.support.s3 import aws

pytestmark = needs("language", "torch", "transformers", "accelerate", "openai")

HELLO: ChatCompletionUserMessageParam = {"role": "user", "content": "hello"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    folder = tmp_path_factory.mktemp("model")
    write_language_model(folder)
    engine = EngineProcess("e", transformers_program(folder), folder.parent / "engine.log")
    settings = proxy(tmp_path_factory.mktemp("proxy"), "tiny")._replace(threads=1)
    with (
        serving(LocalEndpoint("e", engine)) as served,
        aws(served.client.meta.endpoint_url),
        web_adapter(settings) as address,
        OpenAI(base_url=f"http://{address}/v1", api_key="none", max_retries=0, timeout=60) as stock,
    ):
        yield stock


def test_a_chat_streams_as_the_engine_says_it(client: OpenAI) -> None:
    whole = client.chat.completions.create(
        model="tiny", messages=[HELLO], max_tokens=8, temperature=0
    )
    parts = list(
        client.chat.completions.create(
            model="tiny", messages=[HELLO], max_tokens=8, temperature=0, stream=True
        )
    )
    said = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    assert len(parts) > 2
    assert said == whole.choices[0].message.content
    assert {whole.model, *(part.model for part in parts)} == {"tiny"}


def test_tritons_generate_answers_with_the_engines_text_whole_and_in_parts(client: OpenAI) -> None:
    url = f"{client.base_url}".removesuffix("v1/") + "v2/models/tiny"
    asked = {"text_input": "hello", "max_tokens": 8, "temperature": 0}
    whole = httpx.post(f"{url}/generate", json=asked, timeout=60)
    assert whole.status_code == 200, whole.text
    with httpx.stream("POST", f"{url}/generate_stream", json=asked, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    parts = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert len(parts) > 2
    assert {part.get("model_name") for part in parts} == {"tiny"}, parts
    assert "".join(part["text_output"] for part in parts) == whole.json()["text_output"] != ""


def test_a_model_that_is_not_there_is_openais_error(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="nothing"):
        client.chat.completions.create(model="nothing", messages=[HELLO])


def test_a_parameter_out_of_range_does_not_reach_the_engine(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="temperature"):
        client.chat.completions.create(model="tiny", messages=[HELLO], temperature=9)
