from typing import Any

import pytest

from lading.cli.smoke.codecs import CODECS
from lading.functions.contract.dialects import DIALECTS


def tensor(name: str, shape: list[int], data: list[Any], datatype: str = "FP32") -> Any:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


SCORES = {
    "inputs": [tensor("x", [2, 2], [1.0, 2.0, 3.0, 4.0])],
    "outputs": [tensor("y", [2, 2], [0.1, 0.9, 0.8, 0.2]), tensor("label", [2], [1, 0], "INT64")],
}
TEXTS = {
    "inputs": [tensor("text", [2], ["one", "two"], "BYTES")],
    "outputs": [tensor("vector", [2, 1], [0.5, 0.25])],
}


def test_every_codec_belongs_to_an_operation_of_a_dialect() -> None:
    known = {(dialect.name, route.operation) for dialect in DIALECTS for route in dialect.routes}
    assert CODECS.keys() <= known


def test_classify_gets_an_example_for_each_row_and_returns_the_scores() -> None:
    codec = CODECS["tensorflow_serving", "classify"]
    assert codec.outputs(SCORES) == ["y"]
    assert codec.write(SCORES) == {"examples": [{"x": [1.0, 2.0]}, {"x": [3.0, 4.0]}]}
    answer = {"results": [[["0", 0.1], ["1", 0.9]], [["0", 0.8], ["1", 0.2]]]}
    assert codec.read(answer, SCORES) == {"y": [[0.1, 0.9], [0.8, 0.2]]}


def test_embeddings_are_offered_for_texts_alone() -> None:
    codec = CODECS["openai", "embed"]
    assert codec.outputs(SCORES) == ()
    assert codec.outputs(TEXTS) == ["vector"]
    assert codec.write(TEXTS) == {"input": ["one", "two"]}
    answer = {"data": [{"embedding": [0.5]}, {"embedding": [0.25]}]}
    assert codec.read(answer, TEXTS) == {"vector": [[0.5], [0.25]]}


@pytest.mark.parametrize("shape", [[1], [1, 1]])
def test_torchserve_writes_one_value_without_its_list(shape: list[int]) -> None:
    request = {"inputs": [], "outputs": [tensor("y", shape, [0.5])]}
    answer = 0.5 if shape == [1] else [[0.5]]
    found = CODECS["torchserve", "predict"].read(answer, request)
    assert found == {"y": [0.5] if shape == [1] else [[0.5]]}


def test_a_datatype_without_a_json_form_leaves_the_plain_dialect_only() -> None:
    half = {"inputs": [tensor("x", [1], [1.0], "FP16")], "outputs": [tensor("y", [2], [1, 2])]}
    assert [key for key, codec in CODECS.items() if codec.outputs(half)] == [("plain", "predict")]
