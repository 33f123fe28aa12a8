"""The control plane lists models and documents the data plane."""

from pathlib import Path
from urllib.parse import urljoin

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
        (
            "GET /docs/more",
            404,
            "nothing is served at GET /docs/more; GET /models lists the models",
        ),
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
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_docs_with_a_slash_lead_to_those_without_wherever_they_lie(
    tmp_path: Path, method: str, base: str
) -> None:
    answer = ask(app_of(tmp_path), f"{method} {base}/docs/")
    assert answer.status == 307
    stage = f"https://api.example/dev{base}/docs/"
    assert urljoin(stage, answer.headers["location"]) == f"https://api.example/dev{base}/docs"
    assert ask(app_of(tmp_path), f"POST {base}/docs/").status == 405


@pytest.mark.parametrize("base", ["", "/m"])
def test_docs_show_the_openapi_document_beside_them(tmp_path: Path, base: str) -> None:
    app = app_of(tmp_path)
    page = ask(app, f"GET {base}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert b"'openapi.json'" in page.body
    document = ask(app, f"GET {base}/openapi.json").document
    assert document["servers"] == [{"url": "."}]
    assert {"/models", "/models/{model}", "/predict/{model}"} <= document["paths"].keys()


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


def test_the_page_runs_no_script_but_those_that_it_pins(tmp_path: Path) -> None:
    page = ask(app_of(tmp_path), "GET /docs").body.decode()
    assert page.count("https://") == page.count('integrity="sha384-') == 2
