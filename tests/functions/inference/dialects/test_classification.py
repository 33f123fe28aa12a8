"""Triton's classification extension, through its stock client and without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from onnx import TensorProto

from tests.support.driver import Answer, ask, serve
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import FLOAT, STRING, echo, settings_for

SCORES = [[0.1, 0.7, 0.2], [3, 2, 1]]


def infer(root: Path, classes: Any, model: bytes | None = None, **tensor: Any) -> Answer:
    app = serve(settings_for(root, {"m": {1: model or echo(FLOAT, ["n", 3])}}))
    given = {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": SCORES, **tensor}
    outputs = [{"name": "y", "parameters": {"classification": classes}}]
    return ask(app, "POST /v2/models/m/infer", {"inputs": [given], "outputs": outputs})


@pytest.fixture
def client(tmp_path: Path) -> Iterator[triton.InferenceServerClient]:
    app = serve(settings_for(tmp_path, {"m": {1: echo(FLOAT, ["n", 3])}}))
    with uvicorn_serving(app) as url, triton.InferenceServerClient(url) as connected:
        yield connected


def test_the_stock_client_gets_the_best_classes_of_each_row(client: Any) -> None:
    given = triton.InferInput("x", [2, 3], "FP32")
    given.set_data_from_numpy(np.array(SCORES, np.float32))
    for binary in (True, False):
        wanted = [triton.InferRequestedOutput("y", binary_data=binary, class_count=2)]
        found = client.infer("m", [given], outputs=wanted).as_numpy("y")
        texts = [[it if isinstance(it, str) else it.decode() for it in row] for row in found]
        assert texts == [["0.700000:1", "0.200000:2"], ["3.000000:0", "2.000000:1"]]


def test_more_classes_than_there_are_are_all_of_them(tmp_path: Path) -> None:
    (output,) = infer(tmp_path, 9).document["outputs"]
    assert (output["datatype"], output["shape"], len(output["data"])) == ("BYTES", [2, 3], 6)


def test_no_rows_have_no_classes(tmp_path: Path) -> None:
    (output,) = infer(tmp_path, 2, shape=[0, 3], data=[]).document["outputs"]
    assert (output["shape"], output["data"]) == ([0, 2], [])


def test_whole_numbers_have_no_point(tmp_path: Path) -> None:
    model = echo(TensorProto.INT64, ["n"])
    answer = infer(tmp_path, 1, model, datatype="INT64", shape=[3], data=[5, 9, 7])
    assert answer.document["outputs"][0]["data"] == ["9:1"]


@pytest.mark.parametrize("classes", [0, -1, True, "3", None, 1.0, 1 << 40])
def test_what_is_no_number_of_classes_is_refused(tmp_path: Path, classes: Any) -> None:
    answer = infer(tmp_path, classes)
    assert (answer.status, "must be a number from 1 to 65536" in answer.error) == (400, True)


def test_text_has_no_classes(tmp_path: Path) -> None:
    model = echo(STRING, ["n"])
    answer = infer(tmp_path, 1, model, datatype="BYTES", shape=[1], data=["a"])
    said = "output 'y' is BYTES and cannot be classified; remove 'classification'"
    assert (answer.status, answer.error) == (400, said)
