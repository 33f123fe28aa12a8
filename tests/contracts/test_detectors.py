"""Outputs whose rows are not the batch's: a detector finds nothing, or more than it was sent."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton

from lading.functions.inference.wire.asgi import App
from tests.contracts.wire.ways import grpc_beside_the_emulator
from tests.support.driver import ask, serve
from tests.support.worlds import detector, settings_for

NOTHING, TWO = [-1, -2], [1, -1, 2]
BOXES: dict[str, Any] = {"nothing": (NOTHING, []), "two": (TWO, [[1.0] * 4, [2.0] * 4])}
MODELS = {"detector": {1: detector()}, "box": {1: detector("box")}, "label": {1: detector("label")}}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    return serve(settings_for(tmp_path_factory.mktemp("store"), MODELS))


def tensor(values: list[int]) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [len(values)], "data": values}


def csv_of(values: list[int]) -> bytes:
    return "".join(f"{value}\n" for value in values).encode()


@pytest.mark.parametrize(("values", "boxes"), BOXES.values(), ids=BOXES)
def test_every_dialect_tells_all_outputs(app: App, values: list[int], boxes: Any) -> None:
    found = {"box": boxes, "label": ["cat"] * len(boxes), "count": [len(boxes)]}
    plain = ask(app, "POST /predict/detector", {"inputs": values})
    assert plain.document["outputs"] == found
    served = ask(app, "POST /v1/models/detector:predict", {"inputs": values})
    assert served.document == {"outputs": found}
    torch = ask(app, "POST /predictions/detector", values)
    assert torch.document == found
    infer = ask(app, "POST /v2/models/detector/infer", {"inputs": [tensor(values)]})
    assert {each["name"]: each["shape"] for each in infer.document["outputs"]} == {
        "box": [len(boxes), 4],
        "label": [len(boxes)],
        "count": [1],
    }


@pytest.mark.parametrize(("values", "boxes"), BOXES.values(), ids=BOXES)
def test_sagemaker_answers_by_output_where_there_are_no_common_rows(
    app: App, values: list[int], boxes: Any
) -> None:
    found = {"box": boxes, "label": ["cat"] * len(boxes), "count": [len(boxes)]}
    path, csv = "POST /detector/invocations", {"content-type": "text/csv"}
    assert ask(app, path, {"inputs": values}).document == {"outputs": found}
    assert ask(app, path, values).document == found
    assert ask(app, path, csv_of(values), csv).document == {"outputs": found}
    assert ask(app, "POST /box/invocations", values).document == boxes
    assert ask(app, "POST /box/invocations", csv_of(values), csv).document == {"predictions": boxes}


@pytest.mark.parametrize(("values", "boxes"), BOXES.values(), ids=BOXES)
@pytest.mark.parametrize("path", ["/predict/box", "/box/invocations"])
def test_one_output_goes_into_every_type_of_answer(
    app: App, path: str, values: list[int], boxes: Any
) -> None:
    given, body = {"content-type": "text/csv"}, csv_of(values)
    csv = ask(app, f"POST {path}", body, {**given, "accept": "text/csv"})
    written = "".join(f"{','.join(map(str, box))}\n" for box in boxes)
    assert (csv.status, csv.body) == (200, written.encode())
    lines = ask(app, f"POST {path}", body, {**given, "accept": "application/jsonlines"})
    assert [json.loads(line) for line in lines.body.splitlines()] == boxes
    npy = ask(app, f"POST {path}", body, {**given, "accept": "application/x-npy"})
    assert npy.status == 200


def test_texts_of_nothing_are_no_lines(app: App) -> None:
    headers = {"content-type": "text/csv", "accept": "text/csv"}
    assert ask(app, "POST /predict/label", csv_of(NOTHING), headers).body == b""
    assert ask(app, "POST /predict/label", csv_of(TWO), headers).body == b"cat\ncat\n"


def test_rows_that_differ_are_refused_where_only_rows_are_told(app: App) -> None:
    refused = ask(app, "POST /v1/models/detector:predict", {"instances": TWO})
    assert refused.status == 400
    assert "Tensor name: count has inconsistent batch size: 1 expecting: 2" in refused.error
    assert "send 'inputs' in place of 'instances'" in refused.error


@pytest.mark.parametrize(("values", "boxes"), BOXES.values(), ids=BOXES)
def test_binary_tensors_and_classes_of_them_are_told(
    app: App, values: list[int], boxes: Any
) -> None:
    document = {"inputs": [tensor(values)], "parameters": {"binary_data_output": True}}
    answer = ask(app, "POST /v2/models/box/infer", document)
    length = int(answer.headers["inference-header-content-length"])
    assert np.frombuffer(answer.body[length:], "<f4").tolist() == np.ravel(boxes).tolist()
    wanted = {"name": "box", "parameters": {"classification": 2}}
    classes = ask(app, "POST /v2/models/box/infer", {**document, "outputs": [wanted]})
    assert classes.status == 200


@pytest.fixture(scope="module")
def grpc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton.InferenceServerClient]:
    settings = settings_for(tmp_path_factory.mktemp("store"), MODELS)
    with (
        grpc_beside_the_emulator(settings) as address,
        triton.InferenceServerClient(address) as client,
    ):
        yield client


@pytest.mark.parametrize(("values", "boxes"), BOXES.values(), ids=BOXES)
def test_grpc_tells_all_outputs(
    grpc: triton.InferenceServerClient, values: list[int], boxes: Any
) -> None:
    given = triton.InferInput("x", [len(values)], "FP32")
    given.set_data_from_numpy(np.array(values, np.float32))
    answer = grpc.infer("detector", [given])
    assert answer.as_numpy("box").tolist() == boxes
    assert answer.as_numpy("label").tolist() == [b"cat"] * len(boxes)
    assert answer.as_numpy("count").tolist() == [len(boxes)]
