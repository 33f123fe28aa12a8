"""The control plane lists models and documents the data plane."""

from pathlib import Path

import pytest

from functions.inference.asgi import App
from tests.driver import ask, serve
from tests.worlds import echo, settings_for


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
        ("GET /models/m/more", 404, "Not Found"),
        ("POST /models", 405, "Method Not Allowed"),
    ],
)
def test_errors_have_the_one_key(tmp_path: Path, target: str, status: int, text: str) -> None:
    answer = ask(app_of(tmp_path), target)
    assert (answer.status, answer.error) == (status, text)


@pytest.mark.parametrize("path", ["/models/", "/m/models/", "/m/", "/docs/"])
def test_a_slash_behind_a_page_does_not_matter(tmp_path: Path, path: str) -> None:
    assert ask(app_of(tmp_path), f"GET {path}").status == 200


@pytest.mark.parametrize("base", ["", "/m"])
def test_docs_show_the_openapi_document_beside_them(tmp_path: Path, base: str) -> None:
    app = app_of(tmp_path)
    page = ask(app, f"GET {base}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert b"'openapi.json'" in page.body
    document = ask(app, f"GET {base}/openapi.json").document
    assert document["servers"] == [{"url": "."}]
    assert {"/models", "/models/{model}", "/predict/{model}"} <= document["paths"].keys()
