"""Requests and answers have the schemas that the document states for them."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # has no stubs
import pytest

from lading.functions.inference.app.pages import describe_service
from lading.functions.inference.loading.catalog import load_catalog
from tests.support.driver import ask, serve
from tests.support.worlds import FLOAT, STRING, add_sub, echo, settings_for

MODELS = {
    "floats": echo(),
    "several": add_sub(),
    "texts": echo(STRING, ["n"]),
    "column": echo(FLOAT, ["n"]),
    "flags": echo(9, ["n", 2]),
}


def schema(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    found = content["content"]["application/json"]["schema"]
    return {**found, "components": document["components"]}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_example_and_its_answer_are_as_described(tmp_path: Path, name: str) -> None:
    settings = settings_for(tmp_path, {"m": {1: MODELS[name]}})
    app, document = serve(settings), describe_service(load_catalog(settings))
    asked = []
    for path in ("/predict", "/v2/models/m/infer", "/v1/models/m:predict", "/predictions/m"):
        operation = document["paths"][path]["post"]
        body = operation["requestBody"]["content"]["application/json"]["example"]
        jsonschema.validate(body, schema(document, operation["requestBody"]))
        answer = ask(app, f"POST {path}", body)
        assert answer.status == 200, answer.body
        described = schema(document, operation["responses"]["200"])
        assert described != {"components": document["components"]}, "it says nothing"
        if answer.headers["content-type"] == "application/json":
            jsonschema.validate(answer.document, described)
        asked.append(path)
    assert len(asked) == 4


def test_an_answer_of_another_type_is_not_as_described(tmp_path: Path) -> None:
    document = describe_service(load_catalog(settings_for(tmp_path, {"m": {1: echo()}})))
    described = schema(document, document["paths"]["/predict"]["post"]["responses"]["200"])
    right = {"model": "m", "version": 1, "outputs": {"y": [[1.0, 2.0]]}}
    jsonschema.validate(right, described)
    for wrong in ({"y": [["a", "b"]]}, {"y": [[1.0]]}, {"y": [1.0, 2.0]}, {"z": [[1.0, 2.0]]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**right, "outputs": wrong}, described)


def test_a_model_of_columns_takes_rows_and_others_do_not(tmp_path: Path) -> None:
    for name, model, takes in (("a", MODELS["column"], True), ("b", MODELS["floats"], False)):
        settings = settings_for(tmp_path / name, {"m": {1: model}})
        document = describe_service(load_catalog(settings))
        request = schema(document, document["paths"]["/predict"]["post"]["requestBody"])
        checked = jsonschema.Draft202012Validator(request)
        assert checked.is_valid({"inputs": [{"x": 1.5}]}) is takes
        assert not checked.is_valid({"inputs": {"z": 1}})


@pytest.mark.parametrize("name", ["texts", "column"])
def test_of_several_lists_the_values_come_before_the_rows(tmp_path: Path, name: str) -> None:
    """Generated clients write a list as the first form of a list says."""
    document = describe_service(load_catalog(settings_for(tmp_path, {"m": {1: MODELS[name]}})))
    body = schema(document, document["paths"]["/predict"]["post"]["requestBody"])
    forms = body["properties"]["inputs"]["anyOf"]
    lists = [form["items"] for form in forms if form.get("type") == "array"]
    assert [items.get("$ref") for items in lists] == [None, "#/components/schemas/Row"]


def test_nan_is_null_in_a_plain_answer_as_described(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: MODELS["column"]}})
    document = describe_service(load_catalog(settings))
    answer = ask(serve(settings), "POST /predict", {"inputs": [None, 1.0]})
    assert json.loads(answer.body)["outputs"] == {"y": [None, 1.0]}
    described = schema(document, document["paths"]["/predict"]["post"]["responses"]["200"])
    jsonschema.validate(answer.document, described)
