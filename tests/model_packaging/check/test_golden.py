import json

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import DTYPES, Array, datatype_of
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.golden import (
    MAX_BYTES,
    QUANTIZED_TOLERANCE,
    TOLERANCE,
    first_request,
    golden_requests,
)
from lading.model_packaging.check.samples import given, make_up
from lading.model_packaging.conversion import as_bytes
from tests.model_packaging.models import linear_bytes
from tests.support.worlds import brain_doubled


def answers(name: str, answer: Array) -> Model:
    return lambda _: {name: answer}


def test_each_request_carries_the_answer_that_the_model_gives_again() -> None:
    session = OnnxSession(linear_bytes())
    content, count = golden_requests(make_up("linear", session.inputs), session.run, quantized=True)
    document = json.loads(content)
    assert document["tolerance"] == QUANTIZED_TOLERANCE
    assert len(document["requests"]) == count == 7
    for entry in document["requests"]:
        (given,), (wanted,) = entry["inputs"], entry["outputs"]
        x = np.array(given["data"], DTYPES[given["datatype"]]).reshape(given["shape"])
        scores = session.run({given["name"]: x})[wanted["name"]]
        assert (wanted["datatype"], wanted["shape"]) == ("FP32", list(scores.shape))
        assert np.array_equal(scores.ravel(), np.array(wanted["data"], np.float32))
    assert [entry["inputs"][0]["shape"][0] for entry in document["requests"]] == [1] * 6 + [4]


def test_brain_floats_are_written_as_the_numbers_that_they_are() -> None:
    session = OnnxSession(brain_doubled())
    content, count = golden_requests(make_up("brain", session.inputs), session.run, quantized=False)
    requests = json.loads(content)["requests"]
    assert len(requests) == count == 7
    for entry in requests:
        (given,), (wanted,) = entry["inputs"], entry["outputs"]
        assert given["datatype"] == wanted["datatype"] == "BF16"
        assert wanted["data"] == [2 * value for value in given["data"]]


def test_texts_and_whole_numbers_are_written_as_json_has_them() -> None:
    samples = make_up("words", (TensorSpec("word", "BYTES", (-1,)),))
    content, _ = golden_requests(
        samples, answers("label", as_bytes(np.array(["é"]))), quantized=False
    )
    document = json.loads(content)
    assert document["tolerance"] == TOLERANCE
    first = document["requests"][0]
    assert first["inputs"] == [{"name": "word", "datatype": "BYTES", "shape": [1], "data": ["a"]}]
    assert first["outputs"][0]["data"] == ["é"]


def test_bytes_that_are_no_text_are_written_in_base64() -> None:
    image = np.array([b"\xff\xd8\xff"] * 2, np.object_)
    samples = given("cats", {"image": image}, (TensorSpec("image", "BYTES", (-1,)),))
    content, _ = golden_requests(samples, answers("label", image[:1]), quantized=False)
    first = json.loads(content)["requests"][0]
    assert first["inputs"][0]["data"] == first["outputs"][0]["data"] == [{"b64": "/9j/"}]


def test_the_file_stays_below_its_limit() -> None:
    samples = make_up("images", (TensorSpec("x", "FP32", (-1, 3000)),))
    content, count = golden_requests(samples, answers("y", np.zeros(1, np.int64)), quantized=False)
    assert 1 <= count < 7
    assert len(content) <= MAX_BYTES


def test_a_model_of_large_inputs_has_no_golden_requests() -> None:
    samples = make_up("images", (TensorSpec("x", "FP32", (-1, 3, 224, 224)),))
    content, count = golden_requests(samples, answers("y", np.zeros(1, np.int64)), quantized=False)
    assert count == 0
    assert json.loads(content)["requests"] == []


def test_answers_that_json_cannot_hold_are_left_out() -> None:
    samples = make_up("linear", (TensorSpec("x", "FP32", (-1, 2)),))
    _, count = golden_requests(samples, answers("y", np.array([np.inf])), quantized=False)
    assert count == 0


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.5, -2]], np.float32),
        np.array([[[2**40]]]),
        np.array([b"\xff\xd8", "\u00e9".encode()], object),
    ],
)
def test_the_first_request_is_read_as_it_was_written(array: Array) -> None:
    datatype = datatype_of(array)
    samples = given("m", {"x": array}, (TensorSpec("x", datatype, (-1, *array.shape[1:])),))
    content, _ = golden_requests(samples, answers("y", array), quantized=False)
    found = first_request(content)
    assert found is not None
    assert (found["x"].dtype, found["x"].tolist()) == (array.dtype, array[:1].tolist())


def test_without_requests_there_is_no_first_one() -> None:
    assert first_request(b'{"requests": []}') is None
