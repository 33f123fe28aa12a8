"""TensorFlow Serving's REST API, as its own sources answer.

https://github.com/tensorflow/serving: `model_servers/http_rest_api_handler.cc` for routes and
status, `util/json_tensor.cc` for bodies.
"""

from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.wire.asgi import App
from tests.support.driver import Answer, ask, serve
from tests.support.worlds import (
    BRAIN,
    FLOAT,
    HALF,
    STRING,
    add_sub,
    echo,
    onnx_model,
    settings_for,
    times,
    write_artifact,
)


def app_of(root: Path, model: bytes | None = None) -> App:
    return serve(settings_for(root, {"m": {1: model or echo()}}))


def predict(app: App, document: Any) -> Answer:
    return ask(app, "POST /v1/models/m:predict", document)


def test_rows_are_answered_in_rows(tmp_path: Path) -> None:
    answer = predict(app_of(tmp_path), {"instances": [[1, 2], [3, 4.5]]})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == b'{"predictions":[[1.0,2.0],[3.0,4.5]]}'


def test_columns_are_answered_in_columns(tmp_path: Path) -> None:
    assert predict(app_of(tmp_path), {"inputs": [[1, 2]]}).document == {"outputs": [[1.0, 2.0]]}


def test_several_inputs_and_outputs_are_objects_in_both_forms(tmp_path: Path) -> None:
    app = app_of(tmp_path, add_sub())
    a, b = [1, 2, 3], [1, 1, 1]
    rows = predict(app, {"instances": [{"a": a, "b": b}, {"b": a, "a": a}]}).document
    assert rows["predictions"] == [
        {"sum": [2, 3, 4], "difference": [0, 1, 2]},
        {"sum": [2, 4, 6], "difference": [0, 0, 0]},
    ]
    columns = predict(app, {"inputs": {"a": [a], "b": [b], "ignored": None}}).document
    assert columns["outputs"] == {"sum": [[2, 3, 4]], "difference": [[0, 1, 2]]}


def test_one_input_may_still_be_named(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    assert predict(app, {"instances": [{"x": [1, 2]}]}).document["predictions"] == [[1, 2]]
    assert predict(app, {"inputs": {"x": [[1, 2]]}}).document["outputs"] == [[1, 2]]


@pytest.mark.parametrize("name", ["", "serving_default"])
def test_the_default_signature_may_be_named(tmp_path: Path, name: str) -> None:
    answer = predict(app_of(tmp_path), {"signature_name": name, "instances": [[1, 2]]})
    assert answer.status == 200


def test_nan_and_infinity_are_bare_tokens_and_whole_floats_have_a_point(tmp_path: Path) -> None:
    values = [float("nan"), float("-inf")], [float("inf"), 7]
    answer = predict(app_of(tmp_path), {"instances": values})
    assert answer.body == b'{"predictions":[[NaN,-Infinity],[Infinity,7.0]]}'


@pytest.mark.parametrize(
    "document", [{"instances": [[None, 16777217]]}, {"inputs": [[None, 16777217]]}]
)
def test_a_missing_value_goes_in_as_null_and_comes_out_as_nan(
    tmp_path: Path, document: Any
) -> None:
    assert b"[[NaN,16777216.0]]" in predict(app_of(tmp_path), document).body
    app = app_of(tmp_path / "text", echo(STRING, ["n"]))
    assert predict(app, {"instances": ["a", None]}).document["predictions"] == ["a", ""]


def test_a_scalar_model_is_asked_in_columns(tmp_path: Path) -> None:
    app = app_of(tmp_path, echo(FLOAT, []))
    assert predict(app, {"inputs": 1}).document == {"outputs": 1.0}


def test_integers_and_booleans_stay_what_they_are(tmp_path: Path) -> None:
    app = app_of(tmp_path, echo(TensorProto.UINT64, ["n"]))
    assert predict(app, {"instances": [1, 2**63 + 1]}).document["predictions"] == [1, 2**63 + 1]


@pytest.mark.parametrize("value", ["YQ==", "YQ", " Y Q\n=="])
def test_bytes_come_in_base64_with_or_without_padding_and_space(tmp_path: Path, value: str) -> None:
    app = app_of(tmp_path, echo(STRING, ["n"]))
    answer = predict(app, {"instances": [{"b64": value}, "text"]})
    assert answer.document["predictions"] == ["a", "text"]


def test_an_output_named_bytes_goes_in_base64(tmp_path: Path) -> None:
    at = (STRING, ["n"])
    node = helper.make_node("Identity", ["x"], ["image_bytes"])
    app = app_of(tmp_path, onnx_model({"x": at}, {"image_bytes": at}, node))
    assert predict(app, {"instances": ["a"]}).document["predictions"] == [{"b64": "YQ=="}]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "the request must be a JSON object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": [[1, 2]], "inputs": [[1, 2]]}, "expecting only one of 'inputs' or 'inst"),
        ({"instances": None, "inputs": [[1, 2]]}, "expecting only one of 'inputs' or 'instances'"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": {}}, "Expecting 'instances' to be an list/array"),
        ({"instances": None}, "Expecting 'instances' to be an list/array"),
        ({"instances": [[1, 2], {"x": [1, 2]}]}, "Expecting value/list but got object at item 1"),
        ({"instances": [{"x": [1, 2]}, [1, 2]]}, "Expecting object but got list at item 1"),
        ({"instances": [{"x": [1, 2], "z": 1}]}, "keys must be equal to: x"),
        ({"instances": [{}]}, "Failed to process element: 0 of 'instances' list."),
        ({"instances": [[1, 2], [3]]}, "ragged"),
        ({"instances": [[1, True]]}, "booleans"),
        ({"instances": [["1", "2"]]}, "strings"),
        ({"instances": [[1, 2], None]}, "ragged"),
        ({"instances": [{"b64": "YQ=="}]}, "objects"),
        ({"instances": [[10**40, 1]]}, "which FP32 cannot"),
        ({"instances": [[1, 2, 3]]}, "unexpected shape for input 'x': [1, 3]"),
        ({"inputs": {}}, "Missing named input: x in 'inputs' object."),
        ({"inputs": None}, "null"),
        ({"signature_name": "z", "inputs": 1}, 'signature name: "z" not found in signature def'),
        ({"signature_name": None, "inputs": 1}, "'signature_name' key must be a string value."),
    ],
)
def test_a_bad_request_gets_400_and_the_servers_words(
    tmp_path: Path, document: Any, text: str
) -> None:
    answer = predict(app_of(tmp_path), document)
    assert answer.status == 400
    assert text in answer.error


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"instances": [[1, 2, 3]]}, "instances is a plain list, but expecting list of objects"),
        ({"inputs": [[1, 2, 3]]}, "inputs is a plain value/list, but expecting an object"),
        ({"instances": [{"a": [1, 2, 3]}]}, "keys must be equal to: a,b"),
    ],
)
def test_a_model_of_several_inputs_needs_their_names(
    tmp_path: Path, document: Any, text: str
) -> None:
    answer = predict(app_of(tmp_path, add_sub()), document)
    assert answer.status == 400
    assert text in answer.error


@pytest.mark.parametrize("value", ["!", "\u00e9", "A", "YQ==YQ=="])
def test_what_is_no_base64_is_refused(tmp_path: Path, value: str) -> None:
    answer = predict(app_of(tmp_path, echo(STRING, ["n"])), {"instances": [{"b64": value}]})
    assert (answer.status, answer.error) == (400, "input 'x' holds a 'b64' that is not base64")


@pytest.mark.parametrize("form", ["instances", "inputs"])
def test_strings_nested_hundreds_of_lists_deep_are_refused(tmp_path: Path, form: str) -> None:
    nested = b"[" * 900 + b'"a"' + b"]" * 900
    app = app_of(tmp_path, echo(STRING, ["n"]))
    answer = predict(app, b'{"%s":%s}' % (form.encode(), nested))
    assert (answer.status, answer.error) == (400, "input 'x' is nested more than 64 lists deep")


@pytest.mark.parametrize(("element", "name"), [(HALF, "half"), (BRAIN, "bfloat16")])
def test_half_precision_is_unimplemented_in_json(tmp_path: Path, element: int, name: str) -> None:
    answer = predict(app_of(tmp_path, echo(element)), {"instances": [[1, 2]]})
    assert answer.status == 501
    assert answer.error == f"Conversion of JSON Value to type: {name} (input 'x')"


@pytest.mark.parametrize(("element", "name"), [(HALF, "half"), (BRAIN, "bfloat16")])
def test_an_output_of_half_precision_cannot_be_written(
    tmp_path: Path, element: int, name: str
) -> None:
    cast = helper.make_node("Cast", ["x"], ["y"], to=element)
    model = onnx_model({"x": (FLOAT, ["n"])}, {"y": (element, ["n"])}, cast)
    answer = predict(app_of(tmp_path, model), {"instances": [1]})
    assert answer.status == 400
    assert answer.error == f"Failed to write JSON value for tensor type: {name}"


def test_rows_need_outputs_that_agree_on_their_number(tmp_path: Path) -> None:
    at = (FLOAT, ["n"])
    total = helper.make_node("ReduceSum", ["x"], ["total"], keepdims=1)
    same = helper.make_node("Identity", ["x"], ["y"])
    app = app_of(tmp_path, onnx_model({"x": at}, {"y": at, "total": (FLOAT, [1])}, total, same))
    answer = predict(app, {"instances": [1, 2]})
    said = "Tensor name: total has inconsistent batch size: 1 expecting: 2 (send 'inputs'"
    assert answer.error.startswith(said)
    assert predict(app, {"inputs": [1, 2]}).document["outputs"] == {"y": [1, 2], "total": [3]}


def test_rows_need_outputs_that_have_rows(tmp_path: Path) -> None:
    total = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    app = app_of(tmp_path, onnx_model({"x": (FLOAT, ["n"])}, {"y": (FLOAT, [])}, total))
    answer = predict(app, {"instances": [1, 2]})
    assert answer.error.startswith("Tensor name: y has no shape information (send 'inputs'")


def test_status_lists_versions_as_strings_newest_first(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(1), 12: times(2)}}))
    states = ask(app, "GET /v1/models/m").document["model_version_status"]
    ok = {"error_code": "OK", "error_message": ""}
    assert states == [
        {"version": "12", "state": "AVAILABLE", "status": ok},
        {"version": "1", "state": "AVAILABLE", "status": ok},
    ]
    for at in ("versions/1", "labels/stable"):
        one = ask(app, f"GET /v1/models/m/{at}").document["model_version_status"]
        assert [state["version"] for state in one] == ["1"]


def test_a_version_that_failed_to_load_has_ended_with_its_reason(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    (tmp_path / "models" / "m" / "1" / "model.onnx").unlink()
    app = serve(settings)
    (state,) = ask(app, "GET /v1/models/m").document["model_version_status"]
    assert (state["state"], state["status"]["error_code"]) == ("END", "DATA_LOSS")
    assert "models/m/1/model.onnx is missing" in state["status"]["error_message"]
    assert predict(app, {"instances": [[1, 2]]}).status == 503


def test_metadata_doubles_the_signature_key_and_writes_sizes_as_strings(tmp_path: Path) -> None:
    answer = ask(app_of(tmp_path), "GET /v1/models/m/metadata").document
    assert answer["model_spec"] == {"name": "m", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    dimensions = [{"size": "-1", "name": ""}, {"size": "2", "name": ""}]
    assert signature["inputs"]["x"] == {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
        "name": "x:0",
    }


@pytest.mark.parametrize("at", ["/versions/2", "/labels/canary"])
def test_a_version_or_a_label_answers_for_itself(tmp_path: Path, at: str) -> None:
    digests = {
        version: write_artifact(tmp_path, "m", version, times(version)) for version in (1, 2)
    }
    served = ServedModel("m", digests, {"stable": 1, "canary": 2})
    app = serve(ServingSettings((served,), str(tmp_path)))
    answer = ask(app, f"POST /v1/models/m{at}:predict", {"instances": [[1]]})
    assert answer.document["predictions"] == [[2.0]]


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("POST /v1/models/z:predict", 404, "Servable not found for request: Latest(z)"),
        (
            "POST /v1/models/m/versions/9:predict",
            404,
            "Servable not found for request: Specific(m, 9)",
        ),
        ("POST /v1/models/m/labels/z:predict", 400, "Unrecognized servable version label: z"),
        ("GET /v1/models/z/metadata", 404, "Servable not found for request: Latest(z)"),
        ("GET /v1/models/z", 404, "Could not find any versions of model z"),
        ("GET /v1/models/m/versions/9", 404, "Could not find version 9 of model m"),
        ("GET /v1/models/m:predict", 400, "Malformed request: GET /v1/models/m:predict"),
        ("PUT /v1/models/m", 400, "Malformed request: PUT /v1/models/m"),
        ("GET /v1/models/m:classify", 400, "Malformed request: GET /v1/models/m:classify"),
        ("POST /v1/models", 400, "Malformed request: POST /v1/models"),
        ("POST /v1/models/:predict", 400, "Malformed request: POST /v1/models/:predict"),
        ("OPTIONS /v1/models/m:predict", 400, "Malformed request: OPTIONS /v1/models/m:predict"),
        (
            "POST /v1/models/m/versions/1/labels/stable:predict",
            400,
            "Malformed request: POST /v1/models/m/versions/1/labels/stable:predict",
        ),
    ],
)
def test_an_error_has_the_servers_status_and_text(
    tmp_path: Path, target: str, status: int, text: str
) -> None:
    answer = ask(app_of(tmp_path), target, {"instances": [[1, 2]]})
    assert (answer.status, answer.error) == (status, text)
