"""The plain dialect: one key in, named outputs out."""

from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.wire.asgi import App
from tests.support.driver import ask, serve
from tests.support.worlds import HALF, STRING, add_sub, echo, settings_for, times


def app_of(root: Path, model: bytes | None = None) -> App:
    return serve(settings_for(root, {"m": {1: model or echo()}}))


@pytest.mark.parametrize("inputs", [[[1, 2]], {"x": [[1, 2]]}])
@pytest.mark.parametrize("path", ["/predict", "/predict/m", "/m/predict", "/m/predict/m"])
def test_one_input_goes_bare_or_by_name(tmp_path: Path, inputs: Any, path: str) -> None:
    answer = ask(app_of(tmp_path), f"POST {path}", {"inputs": inputs})
    assert answer.status == 200
    assert answer.document == {"model": "m", "version": 1, "outputs": {"y": [[1.0, 2.0]]}}


def test_several_inputs_go_by_name(tmp_path: Path) -> None:
    inputs = {"a": [[1, 2, 3]], "b": [[1, 1, 1]]}
    answer = ask(app_of(tmp_path, add_sub()), "POST /predict", {"inputs": inputs})
    assert answer.document["outputs"] == {"sum": [[2, 3, 4]], "difference": [[0, 1, 2]]}


def test_records_are_rows(tmp_path: Path) -> None:
    inputs = [{"a": [1, 2, 3], "b": [1, 1, 1]}, {"b": [1, 1, 1], "a": [0, 0, 0]}]
    answer = ask(app_of(tmp_path, add_sub()), "POST /predict", {"inputs": inputs})
    assert answer.document["outputs"]["difference"] == [[0, 1, 2], [-1, -1, -1]]


def test_a_record_without_an_input_is_the_callers_error(tmp_path: Path) -> None:
    inputs = [{"a": [1, 2, 3]}]
    answer = ask(app_of(tmp_path, add_sub()), "POST /predict", {"inputs": inputs})
    assert answer.status == 400
    assert "'b' is missing in row 0" in answer.document["error"]


def test_the_stable_version_answers(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(10), 2: times(20)}}))
    assert ask(app, "POST /predict/m", {"inputs": [[1]]}).document["outputs"] == {"y": [[10.0]]}


def test_text_goes_in_and_comes_out(tmp_path: Path) -> None:
    app = app_of(tmp_path, echo(STRING, ["n"]))
    answer = ask(app, "POST /predict", {"inputs": ["\u00e9", ""]})
    assert answer.document["outputs"] == {"y": ["\u00e9", ""]}
    answer = ask(app, "POST /predict", {"inputs": [{"b64": "YQ"}]})
    assert answer.document["outputs"] == {"y": ["a"]}


def test_half_precision_goes_as_numbers(tmp_path: Path) -> None:
    answer = ask(app_of(tmp_path, echo(HALF)), "POST /predict", {"inputs": [[1, 0.1]]})
    assert answer.document["outputs"]["y"] == [[1.0, pytest.approx(0.1, abs=1e-3)]]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the body is not JSON"),
        ([], 'a JSON object with the one key "inputs"'),
        ({"instances": [[1, 2]]}, 'a JSON object with the one key "inputs"'),
        ({"inputs": [[1, 2]], "id": "1"}, 'a JSON object with the one key "inputs"'),
        ({"inputs": {"z": [[1, 2]]}}, "unexpected inference input 'z'; the model accepts x"),
        ({"inputs": {}}, "input 'x' is missing"),
        ({"inputs": [[1, 2, 3]]}, "unexpected shape for input 'x': [1, 3]"),
        ({"inputs": None}, "must be numbers for FP32, not null"),
        (
            b'{"inputs": [[1, 1e999]]}',
            "the body holds 1e999, which is out of the range of a double",
        ),
    ],
)
def test_a_bad_request_says_what_to_send(tmp_path: Path, body: Any, text: str) -> None:
    answer = ask(app_of(tmp_path), "POST /predict", body)
    assert answer.status == 400
    assert text in answer.error


def test_a_model_of_several_inputs_takes_no_bare_list(tmp_path: Path) -> None:
    answer = ask(app_of(tmp_path, add_sub()), "POST /predict", {"inputs": [[1, 2, 3]]})
    assert answer.error == '"inputs" must be an object with the keys a, b'


def test_one_of_several_models_must_be_named(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}, "n": {1: echo()}}))
    assert ask(app, "POST /predict", {"inputs": [[1, 2]]}).error == (
        "the path must name one of the models: m, n"
    )
    assert ask(app, "POST /n/predict", {"inputs": [[1, 2]]}).document["model"] == "n"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("POST /predict/z", 404),
        ("POST /m/predict/z", 404),
        ("GET /predict/m", 405),
        ("PUT /predict", 405),
        ("POST /anything", 404),
        ("POST /predict/m/x", 404),
    ],
)
def test_an_error_has_the_status_that_http_has_for_it(
    tmp_path: Path, target: str, status: int
) -> None:
    answer = ask(app_of(tmp_path), target, {"inputs": [[1, 2]]})
    assert answer.status == status
    assert answer.error


@pytest.mark.parametrize("number", ["null", "NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("rows", [1, 2000])
def test_a_missing_value_goes_in_as_null_or_nan_and_comes_out_as_null(
    tmp_path: Path, number: str, rows: int
) -> None:
    row = f"[1,{number}]"
    body = f'{{"inputs":[{",".join([row] * rows)}]}}'.encode()
    answer = ask(app_of(tmp_path), "POST /predict", body)
    assert answer.status == 200
    assert answer.document["outputs"] == {"y": [[1.0, None]] * rows}


def test_a_missing_text_goes_in_as_null_and_is_empty(tmp_path: Path) -> None:
    app = app_of(tmp_path, echo(STRING, ["n"]))
    answer = ask(app, "POST /predict", {"inputs": ["a", None]})
    assert answer.document["outputs"] == {"y": ["a", ""]}


def test_an_integer_that_the_input_rounds_is_taken_as_a_fraction_is(tmp_path: Path) -> None:
    answer = ask(app_of(tmp_path), "POST /predict", {"inputs": [[16777217, 0.1]]})
    assert answer.document["outputs"] == {"y": [[16777216.0, 0.1]]}


def test_an_answer_that_overflows_is_null(tmp_path: Path) -> None:
    answer = ask(app_of(tmp_path, times(1e30)), "POST /predict", {"inputs": [[1e30, 2.0]]})
    assert answer.body == b'{"model":"m","version":1,"outputs":{"y":[[null,2e+30]]}}'
