"""OpenAI's stock client, unchanged, against every way of serving: models and embeddings.

Language models stand behind an endpoint: `test_openai_client.py` asks for chats.
"""

from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from tests.contracts.wire.ways import MODELS, Served

TOKENS = [[7, 8], [9]]
EMBEDDINGS = [[15.0, 2.0], [9.0, 1.0]]


@pytest.fixture
def stock(served: Served) -> Iterator[OpenAI]:
    key = served.token or "none"
    with OpenAI(base_url=f"http://{served.address}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_models_are_listed_and_retrieved(stock: OpenAI) -> None:
    assert [model.id for model in stock.models.list()] == sorted(MODELS)
    found = stock.models.retrieve("floats")
    assert (found.id, found.created) == ("floats", 0)
    with pytest.raises(openai.NotFoundError):
        stock.models.retrieve("z")


def test_tokens_are_embedded(stock: OpenAI) -> None:
    """As floats when it is told to, in base64, which it reads itself, when it is told nothing."""
    for found in (
        stock.embeddings.create(model="tokens", input=TOKENS, encoding_format="float"),
        stock.embeddings.create(model="tokens", input=TOKENS),
    ):
        assert [each.embedding for each in found.data] == EMBEDDINGS
        assert found.usage.prompt_tokens == 3


def test_what_is_not_offered_is_the_clients_own_exception(stock: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        stock.embeddings.create(model="tokens", input=TOKENS, dimensions=7)
    assert caught.value.param == "dimensions"
    with pytest.raises(openai.NotFoundError) as missing:
        stock.embeddings.create(model="z", input="a")
    assert missing.value.code == "model_not_found"
