"""The Accept header chooses, and rows are written as CSV, npy and JSON Lines have them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from lading.functions.contract.errors import NotAcceptable
from lading.functions.inference.wire.media_answers import choose
from tests.support.driver import Answer, ask, serve
from tests.support.worlds import FLOAT, STRING, add_sub, echo, onnx_model, settings_for

JSON, CSV, NPY, LINES = "application/json", "text/csv", "application/x-npy", "application/jsonlines"


def predict(root: Path, accept: str, document: Any, model: bytes | None = None) -> Answer:
    app = serve(settings_for(root, {"m": {1: model or echo()}}))
    return ask(app, "POST /predict", document, {"accept": accept})


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (CSV, CSV),
        ("text/*", CSV),
        ("*/*", JSON),
        ("", JSON),
        ("text/html, */*;q=0.1", JSON),
        (f"{JSON};q=0.5, {NPY}", NPY),
        (f"{JSON};q=0, {LINES};q=0.001", LINES),
        ("TEXT/CSV;Q=1", CSV),
        ("application/csv", "application/csv"),
        ("application/x-ndjson, text/html", "application/x-ndjson"),
        ("application/*", JSON),
        (f"{CSV};q=x, {JSON};q=0.1", JSON),
    ],
)
def test_the_type_liked_best_is_chosen(accept: str, chosen: str) -> None:
    assert choose(accept) == chosen


@pytest.mark.parametrize("accept", ["text/html", f"{JSON};q=0", "image/*"])
def test_what_is_not_offered_is_refused(tmp_path: Path, accept: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(accept)
    answer = predict(tmp_path, accept, {"inputs": [[1, 2]]})
    assert (answer.status, answer.headers["content-type"]) == (406, JSON)
    assert "accept application/json or text/csv" in answer.error


@pytest.mark.parametrize(
    ("accept", "body"),
    [
        (CSV, b"1.0,0.1\n3.0,4.0\n"),
        ("application/csv", b"1.0,0.1\n3.0,4.0\n"),
        (LINES, b"[1.0,0.1]\n[3.0,4.0]\n"),
        ("application/jsonl", b"[1.0,0.1]\n[3.0,4.0]\n"),
    ],
)
def test_a_row_is_a_line(tmp_path: Path, accept: str, body: bytes) -> None:
    answer = predict(tmp_path, accept, {"inputs": [[1, 0.1], [3, 4]]})
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, accept, body)


@pytest.mark.parametrize(
    ("accept", "body"),
    [
        (CSV, b"2.0,3.0,4.0,0.0,1.0,2.0\n"),
        (LINES, b'{"sum":[2.0,3.0,4.0],"difference":[0.0,1.0,2.0]}\n'),
    ],
)
def test_several_outputs_share_a_line(tmp_path: Path, accept: str, body: bytes) -> None:
    document = {"inputs": {"a": [[1, 2, 3]], "b": [[1, 1, 1]]}}
    assert predict(tmp_path, accept, document, add_sub()).body == body


def test_text_is_quoted_where_it_must_be(tmp_path: Path) -> None:
    answer = predict(tmp_path, CSV, {"inputs": ['a,"b"', "c"]}, echo(STRING, ["n"]))
    assert answer.body == b'"a,""b"""\nc\n'


def test_an_array_is_a_file_that_numpy_loads(tmp_path: Path) -> None:
    answer = predict(tmp_path, NPY, {"inputs": [[1, 2]]})
    array = np.load(io.BytesIO(answer.body), allow_pickle=False)
    assert (array.dtype, array.tolist()) == (np.float32, [[1, 2]])


def test_text_is_an_array_of_bytes_without_pickle(tmp_path: Path) -> None:
    answer = predict(tmp_path, NPY, {"inputs": ["a", "bc"]}, echo(STRING, ["n"]))
    assert np.load(io.BytesIO(answer.body), allow_pickle=False).tolist() == [b"a", b"bc"]


def total() -> bytes:
    """`y = x`, and `total` without rows."""
    return onnx_model(
        {"x": (FLOAT, ["n"])},
        {"y": (FLOAT, ["n"]), "total": (TensorProto.FLOAT, [])},
        helper.make_node("Identity", ["x"], ["y"]),
        helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
    )


@pytest.mark.parametrize("accept", [CSV, LINES, NPY])
def test_outputs_that_do_not_fit_the_type_say_so(tmp_path: Path, accept: str) -> None:
    answer = predict(tmp_path, accept, {"inputs": [1, 2]}, total())
    assert answer.status == 400
    assert "accept JSON" in answer.error


def test_csv_has_no_third_dimension(tmp_path: Path) -> None:
    answer = predict(tmp_path, CSV, {"inputs": [[[1]]]}, echo(FLOAT, ["n", 1, 1]))
    assert answer.error.startswith(
        "output 'y' has shape [1, 1, 1], but CSV has only rows and columns"
    )
