"""SageMaker's dialect: the types that Triton takes there, and the errors of others."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.wire.asgi import App
from tests.support.driver import Answer, ask, serve
from tests.support.worlds import add_sub, echo, settings_for, write_artifact

TYPE = "application/vnd.sagemaker-triton.binary+json;json-header-size="


def app_of(root: Path) -> App:
    return serve(settings_for(root, {"m": {1: add_sub()}}))


def tensor(name: str, **rest: Any) -> dict[str, Any]:
    return {"name": name, "datatype": "FP32", "shape": [1, 3], **rest}


IN_JSON = {"inputs": [tensor("a", data=[1, 2, 3]), tensor("b", data=[1, 1, 1])]}


def binary(**changes: Any) -> tuple[bytes, int]:
    """A body with binary tensors, and the length of its JSON."""
    inputs = [tensor(name, parameters={"binary_data_size": 12}) for name in ("a", "b")]
    header = json.dumps({"inputs": inputs, **changes}).encode()
    content = np.array([[1, 2, 3], [1, 1, 1]], "<f4").tobytes()
    return header + content, len(header)


def invoke(root: Path, body: Any, content_type: str | None = None, **more: str) -> Answer:
    headers = more if content_type is None else {"Content-Type": content_type, **more}
    return ask(app_of(root), "POST /invocations", body, headers)


def test_a_ping_of_ready_models_is_a_200_as_torchserves(tmp_path: Path) -> None:
    answer = ask(app_of(tmp_path), "GET /ping")
    assert (answer.status, answer.document) == (200, {"status": "Healthy"})


def test_a_ping_of_a_model_that_did_not_load_is_no_200(tmp_path: Path) -> None:
    missing = ServingSettings((ServedModel("m", {1: ""}),), str(tmp_path))
    answer = ask(serve(missing), "GET /ping")
    assert (answer.status, answer.document) == (500, {"status": "Unhealthy"})


@pytest.mark.parametrize("content_type", [None, "application/json", "Application/JSON; charset=x"])
def test_json_is_the_open_inference_protocol(tmp_path: Path, content_type: str | None) -> None:
    answer = invoke(tmp_path, IN_JSON, content_type)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    outputs = {each["name"]: each["data"] for each in answer.document["outputs"]}
    assert outputs == {"sum": [2, 3, 4], "difference": [0, 1, 2]}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", b",2\n3,\n"),
        ("application/jsonlines", b"[null,2]\n[3,NaN]\n"),
        ("application/json", b"[[null,2],[3,null]]"),
        ("application/json", b'{"instances":[{"x":[NaN,2]},{"x":[3,null]}]}'),
    ],
)
def test_a_missing_value_is_an_empty_cell_or_null(
    tmp_path: Path, content_type: str, body: bytes
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    answer = ask(app, "POST /invocations", body, {"content-type": content_type})
    assert b"[[NaN,2.0],[3.0,NaN]]" in answer.body
    lines = {"content-type": content_type, "accept": "application/jsonlines"}
    if content_type != "application/json":
        answer = ask(app, "POST /invocations", body, lines)
        assert answer.body == b"[null,2.0]\n[3.0,null]\n"


OWN = b"""
def preprocess(arrays, custom_attributes):
    return {"x": arrays["x"] * len(custom_attributes)}
"""


def with_own_code(root: Path) -> App:
    """A model whose code multiplies by the length of the custom attributes."""
    model = echo()
    files = {"model.onnx": sha256(model), "own.py": sha256(OWN)}
    steps = [{"step": "code", "file": "own.py"}]
    digest = write_artifact(root, "m", 1, model, files=files, processing=steps)
    (root / "models/m/1/own.py").write_bytes(OWN)
    return serve(ServingSettings((ServedModel("m", {1: digest}, {"stable": 1}),), str(root)))


ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"[[1,2]]"),
        ("text/csv", b"1,2"),
        ("application/json", b'{"instances":[[1,2]]}'),
    ],
)
def test_custom_attributes_reach_the_models_own_code_and_go_back(
    tmp_path: Path, content_type: str, body: bytes
) -> None:
    app, headers = with_own_code(tmp_path), {"content-type": content_type}
    answer = ask(app, "POST /invocations", body, {**headers, ATTRIBUTES: "k=v"})
    assert answer.headers[ATTRIBUTES.lower()] == "k=v"
    assert b"[[3.0,6.0]]" in answer.body
    without = ask(app, "POST /invocations", body, headers)
    assert ATTRIBUTES.lower() not in without.headers
    assert b"[[0.0,0.0]]" in without.body


def test_custom_attributes_go_back_with_binary_tensors(tmp_path: Path) -> None:
    body, length = binary(parameters={"binary_data_output": True})
    answer = invoke(tmp_path, body, f"{TYPE}{length}", **{ATTRIBUTES: "k=v"})
    assert answer.headers[ATTRIBUTES.lower()] == "k=v"
    assert answer.headers["content-type"].startswith(TYPE)


@pytest.mark.parametrize("behind", ["", ";charset=utf-8"])
def test_binary_tensors_are_taken_and_given(tmp_path: Path, behind: str) -> None:
    body, length = binary(parameters={"binary_data_output": True})
    answer = invoke(tmp_path, body, f"{TYPE}{length}{behind}")
    assert "inference-header-content-length" not in answer.headers
    assert answer.headers["content-type"].startswith(TYPE)
    cut = int(answer.headers["content-type"].removeprefix(TYPE))
    sizes = [
        (each["name"], each["parameters"]["binary_data_size"])
        for each in json.loads(answer.body[:cut])["outputs"]
    ]
    assert sizes == [("sum", 12), ("difference", 12)]
    assert np.frombuffer(answer.body[cut:], "<f4").tolist() == [2, 3, 4, 0, 1, 2]


def test_binary_tensors_are_answered_in_json_unless_asked_for(tmp_path: Path) -> None:
    body, length = binary(outputs=[{"name": "sum"}])
    answer = invoke(tmp_path, body, f"{TYPE}{length}")
    assert answer.headers["content-type"] == "application/json"
    assert [each["data"] for each in answer.document["outputs"]] == [[2, 3, 4]]


def test_json_is_answered_in_binary_where_that_is_asked_for(tmp_path: Path) -> None:
    wanted = [{"name": "sum", "parameters": {"binary_data": True}}]
    answer = invoke(tmp_path, {**IN_JSON, "outputs": wanted}, "application/json")
    cut = int(answer.headers["content-type"].removeprefix(TYPE))
    assert np.frombuffer(answer.body[cut:], "<f4").tolist() == [2, 3, 4]


def test_a_raw_body_is_the_only_input(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    raw = np.array([[1, 2]], "<f4").tobytes()
    answer = ask(app, "POST /invocations", raw, {"content-type": f"{TYPE}0"})
    assert answer.body.endswith(raw)


def test_the_header_that_sagemaker_strips_is_not_read(tmp_path: Path) -> None:
    body, length = binary()
    answer = invoke(
        tmp_path, body, "application/json", **{"Inference-Header-Content-Length": str(length)}
    )
    assert answer.status == 400


@pytest.mark.parametrize("size", ["", "abc", "-1", "99999", "\u00b2", "1" * 5000])
def test_a_header_size_that_is_none_is_refused(tmp_path: Path, size: str) -> None:
    answer = invoke(tmp_path, binary()[0], f"{TYPE}{size}")
    assert answer.status == 400
    assert "json-header-size" in answer.error
    assert len(answer.body) < 200


@pytest.mark.parametrize(
    "content_type",
    [
        "application/xml",
        "",
        "application/vnd.sagemaker-triton.binary+json",
        TYPE.replace(";", "; "),
    ],
)
def test_another_type_is_refused_with_those_that_are_read(
    tmp_path: Path, content_type: str
) -> None:
    answer = invoke(tmp_path, IN_JSON, content_type)
    assert answer.status == 415
    assert "text/csv" in answer.error


def test_bad_input_has_the_protocols_errors(tmp_path: Path) -> None:
    answer = invoke(tmp_path, {"inputs": [tensor("c", data=[1, 2, 3])]}, "application/json")
    assert (answer.status, "unexpected inference input 'c'" in answer.error) == (400, True)


@pytest.mark.parametrize(
    ("document", "answered"),
    [
        ({"instances": [[1, 2]]}, {"predictions": [[1.0, 2.0]]}),
        ({"inputs": [[1, 2]]}, {"outputs": [[1.0, 2.0]]}),
        ([[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]]),
        ([[1, 2]] * 5000, [[1.0, 2.0]] * 5000),
    ],
    ids=["rows", "columns", "a list", "a long list"],
)
def test_json_of_other_containers_is_answered_in_kind(
    tmp_path: Path, document: Any, answered: Any
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    assert ask(app, "POST /invocations", document).document == answered


@pytest.mark.parametrize(
    ("accept", "body"),
    [
        ("", b'{"predictions":[[1.0,2.0],[3.0,4.0]]}'),
        ("text/csv", b"1.0,2.0\n3.0,4.0\n"),
        ("application/jsonlines", b"[1.0,2.0]\n[3.0,4.0]\n"),
    ],
)
@pytest.mark.parametrize(
    ("content_type", "given"),
    [("text/csv", b"1,2\n3,4\n"), ("application/jsonlines", b"[1,2]\n[3,4]\n")],
)
def test_rows_come_and_go_in_the_types_that_batch_transform_has(
    tmp_path: Path, content_type: str, given: bytes, accept: str, body: bytes
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    headers = {"content-type": content_type, "accept": accept}
    answer = ask(app, "POST /invocations", given, headers)
    assert (answer.status, answer.body) == (200, body)


def test_a_numpy_file_is_answered_with_one(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    stream = io.BytesIO()
    np.save(stream, np.array([[1, 2]], np.float32))
    headers = {"content-type": "application/x-npy", "accept": "application/x-npy"}
    answer = ask(app, "POST /invocations", stream.getvalue(), headers)
    assert np.load(io.BytesIO(answer.body)).tolist() == [[1, 2]]


@pytest.mark.parametrize("target", ["POST /ping", "GET /invocations"])
def test_another_method_is_refused(tmp_path: Path, target: str) -> None:
    assert ask(app_of(tmp_path), target).status == 405


def test_several_models_must_be_told_apart_by_their_address(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: add_sub()}, "n": {1: echo()}}))
    assert ask(app, "POST /invocations", IN_JSON).status == 400
    assert ask(app, "POST /m/invocations", IN_JSON).status == 200
