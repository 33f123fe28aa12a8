"""The control plane describes models and documents the data plane."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped] # has no stubs
import pytest
from openapi_spec_validator import validate

from lading.functions.inference.wire.asgi import App
from tests.support.driver import ask, serve
from tests.support.worlds import echo, settings_for


def app_of(root: Path) -> App:
    return serve(settings_for(root, {"m": {1: echo(), 2: echo()}, "n": {1: echo()}}))


def test_models_are_listed_with_versions_labels_and_signatures(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    m, n = ask(app, "GET /models").document
    assert (m["name"], m["default_version"], n["name"]) == ("m", 1, "n")
    assert [(v["version"], v["ready"], v["labels"]) for v in m["versions"]] == [
        (1, True, ["stable"]),
        (2, True, []),
    ]
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
    assert m["versions"][0]["inputs"] == [tensor]
    assert ask(app, "GET /models/m").document == m
    assert ask(app, "GET /").document == [m, n]


def test_a_version_that_is_not_ready_says_why(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    (tmp_path / "models" / "m" / "1" / "model.onnx").unlink()
    (version,) = ask(serve(settings), "GET /models/m").document["versions"]
    assert (version["ready"], version["inputs"]) == (False, [])
    assert version["reason"].startswith("models/m/1/model.onnx is missing")


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        ("GET /models/z", 404, "model 'z' is not found; served here: m, n"),
        ("GET /m/models/n", 404, "model 'n' is not found; served here: m"),
        ("GET /models/m/more", 404, "nothing is served at GET /models/m/more; GET /models lists"),
        ("POST /models", 405, "POST is not allowed at /models; use GET"),
    ],
)
def test_errors_have_the_one_key(tmp_path: Path, target: str, status: int, text: str) -> None:
    answer = ask(app_of(tmp_path), target)
    assert answer.status == status
    assert answer.error.startswith(text)


@pytest.mark.parametrize("path", ["/models/", "/m/models/", "/m/"])
def test_a_slash_behind_a_page_does_not_matter(tmp_path: Path, path: str) -> None:
    assert ask(app_of(tmp_path), f"GET {path}").status == 200


@pytest.mark.parametrize("base", ["", "/m"])
def test_the_document_lies_beside_the_models(tmp_path: Path, base: str) -> None:
    document = ask(app_of(tmp_path), f"GET {base}/openapi.json").document
    assert document["servers"] == [{"url": "."}]
    own = "/predict" if base else "/predict/{model}"
    assert {"/models", "/models/{model}", own} <= document["paths"].keys()


def test_the_groups_of_the_document_are_dialects_the_plain_one_first(tmp_path: Path) -> None:
    document = ask(app_of(tmp_path), "GET /m/openapi.json").document
    names = [tag["name"] for tag in document["tags"]]
    assert names[0] == "Plain JSON"
    assert "TensorFlow Serving" in names
    used = {
        tag for item in document["paths"].values() for it in item.values() for tag in it["tags"]
    }
    assert used == {*names}
    assert next(iter(document["paths"])) == "/predict"


def test_the_document_says_how_a_deployed_api_knows_its_callers(tmp_path: Path) -> None:
    document = ask(app_of(tmp_path), "GET /openapi.json").document
    schemes = document["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert schemes["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert document["security"] == [{}, {"bearer": []}, {"sigv4": []}]


def test_the_document_is_valid_and_tells_the_truth_of_the_lists(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo(), 2: echo()}})
    (tmp_path / "models" / "m" / "2" / "model.onnx").unlink()
    app = serve(settings)
    document = ask(app, "GET /openapi.json").document
    validate(document)
    answered = document["paths"]["/models"]["get"]["responses"]["200"]["content"]
    schema = {**answered["application/json"]["schema"], "components": document["components"]}
    listed = ask(app, "GET /models").document
    jsonschema.validate(listed, schema)
    for key in ("reason", "labels", "inputs"):
        broken = [{**listed[0], "versions": [{**listed[0]["versions"][1], key: 1}]}]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_a_page_has_a_head(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    assert ask(app, "HEAD /models").headers == ask(app, "GET /models").headers
    assert ask(app, "HEAD /models").body == b""
