"""Open Inference Protocol v2 over REST: what Triton's and KServe's clients send and expect.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

import json
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from lading.functions.contract.dialects.open_inference import EXTENSIONS
from lading.functions.inference.wire.asgi import App
from tests.support.driver import Answer, ask, serve
from tests.support.worlds import (
    FLOAT,
    HALF,
    STRING,
    add_sub,
    brain_doubled,
    echo,
    settings_for,
    times,
)

X: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2.5]}


def app_of(root: Path, model: bytes | None = None) -> App:
    return serve(settings_for(root, {"m": {1: model or echo()}}))


def infer(app: App, *inputs: dict[str, Any], **document: Any) -> Answer:
    return ask(app, "POST /v2/models/m/infer", {"inputs": inputs, **document})


def infer_binary(app: App, document: dict[str, Any], tail: bytes) -> Answer:
    header = json.dumps(document).encode()
    headers = {"Inference-Header-Content-Length": str(len(header))}
    return ask(app, "POST /v2/models/m/infer", header + tail, headers)


def test_an_answer_names_model_and_version_and_is_flat(tmp_path: Path) -> None:
    answer = infer(app_of(tmp_path), {**X, "shape": [2, 2], "data": [[1, 2], [3, 4]]})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert "inference-header-content-length" not in answer.headers
    output = {"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [1.0, 2.0, 3.0, 4.0]}
    assert answer.document == {"model_name": "m", "model_version": "1", "outputs": [output]}


@pytest.mark.parametrize("identity", ["42", "", "a\n\u00e9", "\ud800"], ids=repr)
def test_the_id_comes_back_as_it_was_sent(tmp_path: Path, identity: str) -> None:
    assert infer(app_of(tmp_path), X, id=identity).document["id"] == identity


@pytest.mark.parametrize("identity", [None, 5, True, [], {}], ids=repr)
def test_an_id_that_is_no_string_is_refused(tmp_path: Path, identity: Any) -> None:
    assert infer(app_of(tmp_path), X, id=identity).error == "'id' must be a string"


def test_the_outputs_asked_for_come_in_their_order(tmp_path: Path) -> None:
    app = app_of(tmp_path, add_sub())
    inputs = [{"name": n, "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]} for n in "ab"]
    wanted = [{"name": "difference"}, {"name": "sum"}]
    outputs = infer(app, *inputs, outputs=wanted).document["outputs"]
    assert [output["name"] for output in outputs] == ["difference", "sum"]
    every = infer(app, *inputs, outputs=[]).document["outputs"]
    assert [output["name"] for output in every] == ["sum", "difference"]


@pytest.mark.parametrize(
    ("element", "datatype", "data"),
    [
        (TensorProto.BOOL, "BOOL", [True, False]),
        (TensorProto.INT64, "INT64", [2**63 - 1, -(2**63)]),
        (TensorProto.UINT64, "UINT64", [0, 2**64 - 1]),
        (TensorProto.DOUBLE, "FP64", [0.1, -1e300]),
        (STRING, "BYTES", ["", "\u00e9\x00"]),
    ],
)
def test_json_carries_every_value_exactly(
    tmp_path: Path, element: int, datatype: str, data: list[Any]
) -> None:
    app = app_of(tmp_path, echo(element))
    answer = infer(app, {"name": "x", "datatype": datatype, "shape": [1, 2], "data": data})
    assert answer.document["outputs"][0]["data"] == data


def test_a_missing_value_goes_in_as_null_and_comes_out_as_nan(tmp_path: Path) -> None:
    answer = infer(app_of(tmp_path), {**X, "data": [None, 16777217]})
    assert b'"data":[NaN,16777216.0]' in answer.body
    tensor = {"name": "x", "datatype": "BYTES", "shape": [2], "data": ["a", None]}
    answer = infer(app_of(tmp_path / "text", echo(STRING, ["n"])), tensor)
    assert answer.document["outputs"][0]["data"] == ["a", ""]


def test_nan_and_infinity_are_bare_tokens_in_and_out(tmp_path: Path) -> None:
    answer = infer(app_of(tmp_path), {**X, "data": [float("nan"), float("-inf")]})
    assert b'"data":[NaN,-Infinity]' in answer.body


@pytest.mark.parametrize(
    ("model", "tensor"),
    [
        (echo(FLOAT, []), {"shape": [], "data": [3]}),
        (echo(), {"shape": [0, 2], "data": []}),
        (echo(FLOAT, ["a", "b", "c"]), {"shape": [0, 0, 7], "data": []}),
    ],
)
def test_scalars_and_empty_batches_are_answered(
    tmp_path: Path, model: bytes, tensor: dict[str, Any]
) -> None:
    answer = infer(app_of(tmp_path, model), {**X, **tensor})
    assert answer.document["outputs"][0]["shape"] == tensor["shape"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": "z"}, "unexpected inference input 'z'; the model accepts x"),
        ({"name": 5}, "every input needs a 'name'"),
        ({"datatype": "INT64", "data": [1, 2]}, "input 'x' must be FP32, not INT64"),
        ({"datatype": "FLOAT"}, "input 'x' needs a 'datatype' of BOOL, "),
        ({"datatype": ["FP32"]}, "input 'x' needs a 'datatype' of BOOL, "),
        ({"datatype": "FP16"}, "input 'x' is FP16, which JSON cannot hold"),
        ({"datatype": "BF16"}, "input 'x' is BF16, which JSON cannot hold"),
        ({"shape": [1, 3], "data": [1, 2, 3]}, "unexpected shape for input 'x': [1, 3]"),
        ({"shape": [1, 3]}, "input 'x' has 2 elements, but its shape [1, 3] has 3"),
        ({"shape": [2, 1], "data": [[1, 2]]}, "input 'x' is nested as [1, 2], but its shape is"),
        ({"shape": None}, "input 'x' needs a 'shape'"),
        ({"shape": [-1, 2]}, "input 'x' needs a 'shape'"),
        ({"shape": [True, 2]}, "input 'x' needs a 'shape'"),
        ({"shape": [1.0, 2]}, "input 'x' needs a 'shape'"),
        ({"shape": ["1", 2]}, "input 'x' needs a 'shape'"),
        ({"shape": [2**63, 0], "data": []}, "input 'x' needs a 'shape'"),
        ({"shape": [2**32, 2**32, 0], "data": []}, "the unsupported shape"),
        ({"shape": [2**62] * 64}, "input 'x' has 2 elements"),
        ({"shape": [1] * 65, "data": [1]}, "input 'x' has more than 64 dimensions"),
        ({"data": None}, "input 'x' must be numbers for FP32, not null"),
        ({"data": [[1], [2, 3]]}, "input 'x' is ragged"),
        ({"data": {"b64": ""}}, "input 'x' must be numbers for FP32, not objects"),
        ({"parameters": []}, "'parameters' of input 'x' must be a JSON object"),
        ({"parameters": {"binary_data_size": 8}}, "both 'data' and 'binary_data_size'"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_with_a_reason(
    tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    answer = infer(app_of(tmp_path), {**X, **change})
    assert answer.status == 400
    assert text in answer.error


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "the request must be a JSON object"),
        ({}, "input 'x' is missing; the model requires x"),
        ({"inputs": {}}, "'inputs' must be a list"),
        ({"inputs": []}, "input 'x' is missing; the model requires x"),
        ({"inputs": [5]}, "an input must be a JSON object"),
        ({"inputs": [X, X]}, "input 'x' is given twice"),
        ({"inputs": [{**X, "data": [1, 2]}, {**X, "name": "z"}]}, "unexpected inference input"),
        ({"inputs": [X], "outputs": {}}, "'outputs' must be a list"),
        ({"inputs": [X], "outputs": [{}]}, "every output needs a 'name'"),
        ({"inputs": [X], "outputs": [{"name": "y"}] * 2}, "output 'y' is requested twice"),
        ({"inputs": [X], "outputs": [{"name": "q"}]}, "unexpected inference output 'q'"),
        ({"inputs": [X], "parameters": 5}, "'parameters' must be a JSON object"),
        ({"inputs": [X], "parameters": {"binary_data_output": 1}}, "must be true or false"),
    ],
)
def test_a_request_out_of_form_is_refused_with_a_reason(
    tmp_path: Path, document: Any, text: str
) -> None:
    answer = ask(app_of(tmp_path), "POST /v2/models/m/infer", document)
    assert answer.status == 400
    assert text in answer.error


def test_what_is_not_offered_is_unsupported(tmp_path: Path) -> None:
    document = {"inputs": [{**X, "parameters": {"shared_memory_region": "r"}}]}
    assert ask(app_of(tmp_path), "POST /v2/models/m/infer", document).status == 501


def test_binary_tensors_follow_the_json_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    size = {"parameters": {"binary_data_size": 12}}
    inputs = [{"name": n, "datatype": "FP32", "shape": [1, 3], **size} for n in "ba"]
    tail = bytes.fromhex("0000803f 00000040 00004040") + bytes(12)
    answer = infer_binary(app_of(tmp_path, add_sub()), {"inputs": inputs}, tail)
    values = {output["name"]: output["data"] for output in answer.document["outputs"]}
    assert values == {"sum": [1.0, 2.0, 3.0], "difference": [-1.0, -2.0, -3.0]}


def test_binary_outputs_stand_behind_a_header_of_the_announced_length(tmp_path: Path) -> None:
    answer = infer(app_of(tmp_path), X, parameters={"binary_data_output": True})
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    header = json.loads(answer.body[:length])
    assert header["outputs"][0]["parameters"] == {"binary_data_size": 8}
    assert answer.body[length:] == bytes.fromhex("0000803f 00002040")


def test_one_output_may_go_in_json_beside_binary_ones(tmp_path: Path) -> None:
    app = app_of(tmp_path, add_sub())
    inputs = [{"name": n, "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]} for n in "ab"]
    outputs = [{"name": "sum", "parameters": {"binary_data": False}}, {"name": "difference"}]
    answer = infer(app, *inputs, outputs=outputs, parameters={"binary_data_output": True})
    header = json.loads(answer.body[: int(answer.headers["inference-header-content-length"])])
    assert header["outputs"][0]["data"] == [2.0, 4.0, 6.0]
    assert header["outputs"][1]["parameters"] == {"binary_data_size": 12}


@pytest.mark.parametrize("shift", range(8))
def test_the_length_of_the_json_before_a_tensor_does_not_matter(tmp_path: Path, shift: int) -> None:
    size = {"binary_data_size": 8}
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": size}
    document = {"id": "i" * shift, "inputs": [tensor]}
    answer = infer_binary(app_of(tmp_path), document, bytes.fromhex("0000803f 00000040"))
    assert answer.document["outputs"][0]["data"] == [1.0, 2.0]


def test_half_precision_travels_in_binary_only(tmp_path: Path) -> None:
    app = app_of(tmp_path, echo(HALF))
    size = {"binary_data_size": 4}
    tensor = {"name": "x", "datatype": "FP16", "shape": [1, 2], "parameters": size}
    assert infer_binary(app, {"inputs": [tensor]}, bytes(4)).error == (
        "output 'y' is FP16, which JSON cannot hold; request it as binary data"
    )
    document = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    assert infer_binary(app, document, b"\x00\x3c\x00\x40").body.endswith(b"\x00\x3c\x00\x40")


def test_brain_floats_travel_in_binary_only(tmp_path: Path) -> None:
    app = app_of(tmp_path, brain_doubled())
    size = {"binary_data_size": 4}
    tensor = {"name": "x", "datatype": "BF16", "shape": [1, 2], "parameters": size}
    assert infer_binary(app, {"inputs": [tensor]}, bytes(4)).error == (
        "output 'y' is BF16, which JSON cannot hold; request it as binary data"
    )
    document = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    answer = infer_binary(app, document, b"\x80\x3f\x20\xc0")
    assert answer.body.endswith(b"\x00\x40\xa0\xc0")
    no_json = {"inference-header-content-length": "0"}
    raw = ask(app, "POST /v2/models/m/infer", b"\x80\x3f\x20\xc0", no_json)
    assert raw.body.endswith(b"\x00\x40\xa0\xc0")


@pytest.mark.parametrize("wide", [True, False])
def test_brain_floats_and_floats_are_not_taken_for_each_other(tmp_path: Path, wide: bool) -> None:
    app = app_of(tmp_path, brain_doubled() if wide else echo())
    size, datatype = (8, "FP32") if wide else (4, "BF16")
    tensor = {"name": "x", "shape": [1, 2], "parameters": {"binary_data_size": size}}
    answer = infer_binary(app, {"inputs": [{**tensor, "datatype": datatype}]}, bytes(size))
    wanted = "BF16" if wide else "FP32"
    assert (answer.status, answer.error) == (400, f"input 'x' must be {wanted}, not {datatype}")


@pytest.mark.parametrize(
    ("parameters", "tail", "text"),
    [
        ({"binary_data_size": 8}, b"1234", "has a 'binary_data_size' of 8, but the body has 4"),
        ({"binary_data_size": 4}, b"1234", "has 4 bytes, shape [1, 2] of FP32 needs 8"),
        ({"binary_data_size": 8}, b"12345678x", "9 bytes follow the JSON header, but the inputs"),
        ({"binary_data_size": -1}, b"", "a number of bytes"),
        ({"binary_data_size": True}, b"1", "a number of bytes"),
        ({"binary_data_size": "8"}, b"12345678", "a number of bytes"),
        ({"binary_data_size": 8.0}, b"12345678", "a number of bytes"),
        ({"binary_data_size": 10**30}, b"", "but the body has"),
        ({}, b"12345678", "neither 'data' nor 'binary_data_size'"),
    ],
)
def test_binary_data_that_does_not_add_up_is_refused(
    tmp_path: Path, parameters: dict[str, Any], tail: bytes, text: str
) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": parameters}
    answer = infer_binary(app_of(tmp_path), {"inputs": [tensor]}, tail)
    assert answer.status == 400
    assert text in answer.error


def test_a_header_length_of_zero_makes_the_body_the_one_input(tmp_path: Path) -> None:
    headers = {"Inference-Header-Content-Length": "0"}
    answer = ask(app_of(tmp_path), "POST /v2/models/m/infer", b"\0\0\x80\x3f" * 2, headers)
    assert answer.body.endswith(b"\0\0\x80\x3f" * 2)
    assert int(answer.headers["inference-header-content-length"]) == len(answer.body) - 8


def test_a_raw_request_needs_a_model_with_one_input(tmp_path: Path) -> None:
    headers = {"Inference-Header-Content-Length": "0"}
    answer = ask(app_of(tmp_path, add_sub()), "POST /v2/models/m/infer", bytes(8), headers)
    assert (answer.status, answer.error) == (
        400,
        "a raw request needs a model with exactly one input",
    )


def test_health_and_metadata(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    assert ask(app, "GET /v2/health/live").document == {"live": True}
    assert ask(app, "GET /v2/health/ready").document == {"ready": True}
    assert ask(app, "GET /v2/models/m/ready").document == {"name": "m", "ready": True}
    server = ask(app, "GET /v2").document
    assert (server["name"], server["extensions"]) == ("lading", list(EXTENSIONS))
    assert ask(app, "GET /v2/models/m").document == {
        "name": "m",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }


def test_a_version_or_a_label_in_the_path_answers_for_itself(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {3: times(3), 4: times(4)}}))
    for at, factor in {"": 3, "/versions/4": 4, "/versions/04": 4, "/labels/stable": 3}.items():
        answer = ask(app, f"POST /v2/models/m{at}/infer", {"inputs": [X]}).document
        assert (answer["model_version"], answer["outputs"][0]["data"][0]) == (str(factor), factor)
    assert ask(app, "GET /v2/models/m/versions/4").document["versions"] == ["3", "4"]


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("GET /v2/models/z", 404, "Request for unknown model: 'z' is not found"),
        ("GET /v2/models/z/ready", 404, "Request for unknown model: 'z' is not found"),
        ("POST /v2/models/z/infer", 404, "Request for unknown model: 'z' is not found"),
        ("GET /v2/models/m/versions/9", 404, "Request for unknown model: 'm' version 9 is not f"),
        ("GET /v2/models/m/labels/z", 404, "no version labeled 'z'"),
        ("GET /v2/models/m/versions/x", 400, "version must be a number, got 'x'"),
        ("GET /v2/models/m/versions/-1", 400, "version must be a number, got '-1'"),
        ("GET /v2/models/m/versions/\u0661", 400, "must be a number"),
        (f"GET /v2/models/m/versions/{'9' * 5000}", 400, "must be a number"),
        ("GET /v2/nothing", 404, "nothing is served at GET /v2/nothing"),
        ("POST /v2/models/m", 405, "POST is not allowed at /v2/models/m; use GET"),
        ("GET /v2/models/m/infer", 405, "use POST"),
        ("OPTIONS /v2/models/m/infer", 405, "use POST"),
        (f"GET /v2/models/{'z' * 10**5}", 404, "zzz...' is not found"),
    ],
)
def test_an_error_is_a_status_and_a_text(
    tmp_path: Path, target: str, status: int, text: str
) -> None:
    answer = ask(app_of(tmp_path), target)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert text in answer.error
    assert len(answer.body) < 500


def test_a_refused_method_says_which_is_allowed(tmp_path: Path) -> None:
    assert ask(app_of(tmp_path), "GET /v2/models/m/infer").headers["allow"] == "POST"


def test_what_is_not_ready_says_so_with_503(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}, "n": {1: echo()}})
    (tmp_path / "models" / "m" / "1" / "model.onnx").unlink()
    app = serve(settings)
    for path in ("health/ready", "models/m/ready"):
        answer = ask(app, f"GET /v2/{path}")
        assert (answer.status, answer.document["ready"]) == (503, False)
    assert ask(app, "GET /v2/health/live").status == 200
    assert ask(app, "POST /v2/models/m/infer", {"inputs": [X]}).status == 503
    assert ask(app, "POST /v2/models/n/infer", {"inputs": [X]}).status == 200
