"""TensorFlow Serving's classify and regress, as `util/json_tensor.cc` reads and writes them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.support.driver import Answer, ask, serve
from tests.support.worlds import FLOAT, STRING, add_sub, echo, onnx_model, settings_for

PAIR = (FLOAT, ["batch", 2])


def classify(root: Path, document: Any, model: bytes | None = None) -> Answer:
    app = serve(settings_for(root, {"m": {1: model or echo()}}))
    return ask(app, "POST /v1/models/m:classify", document)


def regress(root: Path, document: Any, model: bytes) -> Answer:
    app = serve(settings_for(root, {"m": {1: model}}))
    return ask(app, "POST /v1/models/m/versions/1:regress", document)


def labeled() -> bytes:
    """`scores = x`, and a label for each score."""
    names = onnx.numpy_helper.from_array(np.array([["cat", "dog"]], np.object_), "names")
    return onnx_model(
        {"x": PAIR},
        {"scores": PAIR, "classes": (STRING, ["batch", 2])},
        helper.make_node("Identity", ["x"], ["scores"]),
        helper.make_node("Constant", [], ["classes"], value=names),
    )


def column(element: int = FLOAT, shape: list[Any] | None = None) -> bytes:
    """`y = x`, one value a row."""
    return echo(element, shape or ["batch", 1])


def test_classes_without_labels_are_numbered(tmp_path: Path) -> None:
    answer = classify(tmp_path, {"examples": [{"x": [0.25, 1]}, {"x": [3, 4]}]})
    assert answer.body == (b'{"results":[[["0",0.25],["1",1.0]],[["0",3.0],["1",4.0]]]}')


def test_labels_are_the_models_own_where_it_has_them(tmp_path: Path) -> None:
    answer = classify(tmp_path, {"examples": [{"x": [0.5, 2]}]}, labeled())
    assert answer.document == {"results": [[["cat", 0.5], ["dog", 2.0]]]}


def test_a_value_for_each_example_is_regressed(tmp_path: Path) -> None:
    answer = regress(tmp_path, {"examples": [{"x": 1}, {"x": [2.5]}]}, column())
    assert answer.body == b'{"results":[1.0,2.5]}'


def test_a_missing_value_of_an_example_is_nan(tmp_path: Path) -> None:
    answer = regress(tmp_path, {"examples": [{"x": None}, {"x": [2.5]}]}, column())
    assert answer.body == b'{"results":[NaN,2.5]}'


def test_a_missing_whole_number_has_the_servers_words(tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["x"], ["y"], to=FLOAT)
    model = onnx_model({"x": (TensorProto.INT64, ["n", 1])}, {"y": (FLOAT, ["n", 1])}, cast)
    answer = regress(tmp_path, {"examples": [{"x": None}]}, model)
    assert answer.status == 400
    assert answer.error == "Feature: x has element with unexpected JSON type: Null"


def test_a_model_of_plain_rows_regresses_too(tmp_path: Path) -> None:
    answer = regress(tmp_path, {"examples": [{"x": 1}, {"x": 2}]}, column(shape=["batch"]))
    assert answer.document == {"results": [1.0, 2.0]}


def test_the_context_completes_each_example(tmp_path: Path) -> None:
    values = (FLOAT, ["batch", 1])
    sums = onnx_model(
        {"a": values, "b": values}, {"y": values}, helper.make_node("Add", ["a", "b"], ["y"])
    )
    document = {"context": {"b": 10.0, "unknown": "x"}, "examples": [{"a": 1.0}, {"a": 2, "b": 0}]}
    assert regress(tmp_path, document, sums).document == {"results": [11.0, 2.0]}


def test_text_comes_plain_or_in_base64(tmp_path: Path) -> None:
    texts = (STRING, ["batch", 2])
    model = onnx_model(
        {"t": texts, "x": PAIR},
        {"scores": PAIR, "classes": texts},
        helper.make_node("Identity", ["x"], ["scores"]),
        helper.make_node("Identity", ["t"], ["classes"]),
    )
    document = {"examples": [{"t": ["a", {"b64": "Yg=="}], "x": [1, 2]}]}
    assert classify(tmp_path, document, model).document == {"results": [[["a", 1.0], ["b", 2.0]]]}


def test_a_boolean_is_a_whole_number_as_in_an_example(tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["x"], ["y"], to=FLOAT)
    model = onnx_model({"x": (TensorProto.INT64, ["n", 1])}, {"y": (FLOAT, ["n", 1])}, cast)
    document = {"examples": [{"x": True}, {"x": 0}]}
    assert regress(tmp_path, document, model).document == {"results": [1.0, 0.0]}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "the request must be a JSON object"),
        ({}, "When method is classify, key 'examples' is expected and was not found"),
        ({"instances": [[1, 2]]}, "key 'examples' is expected"),
        ({"examples": {"x": [1, 2]}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object"),
        ({"examples": [1] * 99}, "Expecting 'examples' value to be an list/array"),
        ({"examples": [{"x": [1, 2]}], "context": []}, "Example must be JSON object"),
        ({"examples": [{}]}, "Feature: x (data type: FP32) is required but could not be found."),
        ({"examples": [{"x": [[1, 2]]}]}, "Feature: x has element with unexpected JSON type: Arr"),
        ({"examples": [{"x": ["a", "b"]}]}, "strings"),
        ({"examples": [{"x": {"b64": "YQ=="}}]}, "objects"),
        ({"examples": [{"x": [1, 2]}, {"x": [1]}]}, "ragged"),
        ({"examples": [{"x": [1, 2, 3]}]}, "unexpected shape for input 'x': [1, 3]"),
        ({"examples": [{"x": [1, 2]}], "signature_name": "z"}, "not found in signature def"),
    ],
)
def test_what_are_no_examples_is_refused(tmp_path: Path, document: Any, text: str) -> None:
    body = document
    if document == {"examples": [1] * 99}:  # long enough to be read as one array of numbers
        body = b'{"examples":[' + b",".join([b"1"] * 5000) + b"]}"
    answer = classify(tmp_path, body)
    assert answer.status == 400
    assert text in answer.error


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_a_model_that_gives_no_such_output_says_what_is_expected(
    tmp_path: Path, method: str
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: add_sub()}}))
    answer = ask(app, f"POST /v1/models/m:{method}", {"examples": [{"a": 1}]})
    assert answer.status == 400
    assert answer.error == (
        f"Expected {method} signature method_name to be tensorflow/serving/{method}. "
        "Was: tensorflow/serving/predict"
    )


@pytest.mark.parametrize(
    "context",
    [
        {"x": [1] * 2000},
        {"x": "a" * 2000},
        {"x": {"b64": "a" * 2000}},
        {str(n): [] for n in range(2000)},
    ],
    ids=["numbers", "text", "bytes", "names"],
)
def test_a_context_that_would_make_a_short_request_long_is_refused(
    tmp_path: Path, context: Any
) -> None:
    answer = classify(tmp_path, {"context": context, "examples": [{}] * 2000})
    assert answer.status == 400
    assert "to 2000 examples; send fewer examples in one request" in answer.error
