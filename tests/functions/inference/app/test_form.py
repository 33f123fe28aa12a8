"""A form has a field for each input, with what was seen in the data, and the requests to copy."""

import json
from pathlib import Path
from typing import Any

import pytest
from onnx import helper

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.app.form import MOST_REPORT_BYTES
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import BASELINE, MODEL, REPORT
from tests.support.driver import ask, serve
from tests.support.engines import proxy
from tests.support.worlds import (
    ELEMENTS,
    FLOAT,
    STRING,
    echo,
    onnx_model,
    settings_for,
    with_baseline,
    write_artifact,
)


def form_of(settings: ServingSettings, name: str = "m") -> Any:
    answer = ask(serve(settings), f"GET /{name}/models/{name}/form")
    assert answer.status == 200
    return answer.document


def field_of(root: Path, element: int, shape: list[Any]) -> Any:
    (version,) = form_of(settings_for(root, {"m": {1: echo(element, shape)}}))["versions"]
    (field,) = version["inputs"]
    return field


@pytest.mark.parametrize(
    ("datatype", "shape", "kind"),
    [
        ("FP32", ["n"], "number"),
        ("INT64", ["n", 1], "number"),
        ("FP64", ["n", 3], "numbers"),
        ("FP32", ["n", 8, 8], "tensor"),
        ("BOOL", ["n"], "choice"),
        ("BYTES", ["n"], "text"),
        ("BYTES", ["n", 2], "tensor"),
        ("FP32", [], "number"),
    ],
)
def test_the_kind_of_a_field_follows_from_the_signature(
    tmp_path: Path, datatype: str, shape: list[Any], kind: str
) -> None:
    field = field_of(tmp_path, ELEMENTS[datatype], shape)
    assert (field["kind"], field["name"], field["datatype"]) == (kind, "x", datatype)
    assert field["whole"] is not datatype.startswith("FP")


def test_a_large_input_has_no_example(tmp_path: Path) -> None:
    assert field_of(tmp_path, FLOAT, ["n", 3, 10**5, 10**5])["example"] is None


def test_numbers_have_the_range_of_the_baseline_and_its_median(tmp_path: Path) -> None:
    (version,) = form_of(with_baseline(tmp_path))["versions"]
    (field,) = version["inputs"]
    assert field["columns"] == [{"low": 0, "high": 10, "example": 0}] * 2


def categories(root: Path, **changes: Any) -> ServingSettings:
    """A model of a text and a number by name, whose baseline has three towns."""
    model = onnx_model(
        {"town": (STRING, ["n"]), "age": (FLOAT, ["n"])},
        {"same": (STRING, ["n"]), "old": (FLOAT, ["n"])},
        *[
            helper.make_node("Identity", [given], [answered])
            for given, answered in (("town", "same"), ("age", "old"))
        ],
    )
    column = {"side": "inputs", "expected": [[0, 1, 1, 0, 0]]}
    features = [
        {**column, "tensor": "town", "view": "values", "values": ["Wien", "Graz", "<b>Linz</b>"]},
        {**column, "tensor": "age", "view": "columns", "edges": [[18.0, 40.00001, 90.000001]]},
    ]
    baseline = json.dumps({"version": 1, "rows": 9, "features": features}).encode()
    files = {MODEL: sha256(model), BASELINE: sha256(baseline)}
    digest = write_artifact(root, "m", 1, model, files=files, **changes)
    (root / "models" / "m" / "1" / BASELINE).write_bytes(baseline)
    return ServingSettings((ServedModel("m", {1: digest}),), str(root))


def test_few_values_are_a_menu_and_edges_are_rounded(tmp_path: Path) -> None:
    (version,) = form_of(categories(tmp_path))["versions"]
    town, age = version["inputs"]
    assert (town["kind"], town["choices"]) == ("choice", ["<b>Linz</b>", "Graz", "Wien"])
    assert (age["low"], age["example"], age["high"]) == (18, 40, 90)


@pytest.mark.parametrize(
    ("datatype", "seen", "choices"),
    [("BOOL", [1, 0], [False, True]), ("INT64", [10, 9, 100], [9, 10, 100])],
)
def test_a_menu_has_values_of_its_datatype_in_their_order(
    tmp_path: Path, datatype: str, seen: list[int], choices: list[Any]
) -> None:
    model = echo(ELEMENTS[datatype], ["n"])
    told = {"side": "inputs", "tensor": "x", "view": "values", "values": seen}
    features = [{**told, "expected": [[1] * (len(seen) + 2)]}]
    baseline = json.dumps({"version": 1, "rows": 9, "features": features}).encode()
    digest = write_artifact(
        tmp_path, "m", 1, model, files={MODEL: sha256(model), BASELINE: sha256(baseline)}
    )
    (tmp_path / "models" / "m" / "1" / BASELINE).write_bytes(baseline)
    settings = ServingSettings((ServedModel("m", {1: digest}),), str(tmp_path))
    (version,) = form_of(settings)["versions"]
    (field,) = version["inputs"]
    assert json.dumps(field["choices"]) == json.dumps(choices)
    assert ask(serve(settings), "POST /predict", {"inputs": [field["example"]]}).status == 200


def test_what_the_form_suggests_is_answered(tmp_path: Path) -> None:
    settings = categories(tmp_path)
    document = ask(serve(settings), "GET /m/openapi.json").document
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == {"inputs": {"town": ["<b>Linz</b>"], "age": [40]}}
    assert ask(serve(settings), "POST /predict", body["example"]).status == 200


def test_the_report_is_shown_where_there_is_one_and_nothing_depends_on_it(tmp_path: Path) -> None:
    settings = categories(tmp_path, source={"file": "a.skops", "framework": "scikit-learn"})
    report = tmp_path / "models" / "m" / "1" / REPORT
    assert form_of(settings)["versions"][0]["report"]["source"]["file"] == "a.skops"
    report.write_text(json.dumps({"stages": [{"step": "convert", "bytes": 9}]}))
    told = form_of(settings)["versions"][0]["report"]
    assert told["stages"] == [{"step": "convert", "bytes": 9}]
    for damage in ("[", "[1]", "{" + " " * MOST_REPORT_BYTES + "}"):
        report.write_text(damage)
        assert form_of(settings)["versions"][0]["report"]["stages"] == []
    report.write_text('{"stages": [{"step": "convert", "a": NaN, "b": -Infinity, "c": 1e999}]}')
    told = form_of(settings)["versions"][0]["report"]  # browsers read none of these
    assert told["stages"] == [{"step": "convert", "a": None, "b": None, "c": None}]


def test_classes_stand_beside_their_output(tmp_path: Path) -> None:
    (version,) = form_of(categories(tmp_path, classes={"old": ["no", "yes"]}))["versions"]
    assert [output["classes"] for output in version["outputs"]] == [[], ["no", "yes"]]


def test_a_version_that_is_not_ready_says_why(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo(), 2: echo()}})
    (tmp_path / "models" / "m" / "2" / MODEL).unlink()
    first, second = form_of(settings)["versions"]
    assert (first["ready"], first["labels"]) == (True, ["stable"])
    assert not second["ready"]
    assert second["reason"].startswith("models/m/2/model.onnx is missing")


def test_every_dialect_that_asks_has_a_request_to_copy(tmp_path: Path) -> None:
    calls = form_of(settings_for(tmp_path, {"m": {1: echo()}}))["calls"]
    found = {call["dialect"]: call for call in calls}
    tensors = {"plain", "open_inference", "tensorflow_serving", "torchserve", "sagemaker"}
    assert {*found} == tensors
    assert found["open_inference"]["path"] == "/v2/models/m/infer"
    assert found["plain"]["version_path"] == "/predict/versions/{version}"
    assert found["sagemaker"]["version_path"] is None


def test_a_language_model_is_asked_by_text(tmp_path: Path) -> None:
    form = form_of(proxy(tmp_path, "chat"), "chat")
    assert form["language_model"]
    asked = {(call["dialect"], call["operation"]) for call in form["calls"]}
    assert ("openai", "chat") in asked
    assert ("plain", "predict") not in asked


def test_each_operation_that_asks_has_a_route_with_an_example() -> None:
    for dialect in DIALECTS:
        for operation in dialect.asking:
            routes = [route for route in dialect.routes if route.operation == operation]
            assert routes, f"{dialect.name} has no {operation}"
            assert routes[0].example is not None
        assert dialect.title
