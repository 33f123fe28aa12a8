"""A graph is served like any model: in every dialect, with its models' runs in the log line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from tests.functions.inference.graphs.worlds import X, node, step, write_graph
from tests.support.driver import ask, serve
from tests.support.worlds import times

KEY = {"name": "key", "datatype": "INT64", "shape": [-1]}
NO_ROUTE = "no step of the switch 'root' matches: 'key' is 5"


def settings_of(root: Path, *, pinned: bool = True, **changes: Any) -> ServingSettings:
    """Settings of a graph whose switch knows the keys 1 and 2."""
    steps = [
        step(use, when=[{"tensor": "key", "comparison": "eq", "value": value}])
        for use, value in (("two", 1), ("three", 2))
    ]
    switch = node("switch", *steps, by_row=True) | {"inputs": ["x", "key"]}
    digest = write_graph(
        root, {"two": times(2), "three": times(3)}, {"root": switch}, inputs=[X, KEY], **changes
    )
    model = ServedModel("graph", {1: digest if pinned else ""}, {"stable": 1})
    return ServingSettings(models=(model,), model_root=str(root))


def oip(key: int) -> dict[str, Any]:
    x = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}
    return {"inputs": [x, {"name": "key", "datatype": "INT64", "shape": [1], "data": [key]}]}


def named(key: int) -> dict[str, Any]:
    return {"x": [[1.0, 2.0]], "key": [key]}


REQUESTS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "plain": ("POST /predict/graph", lambda key: {"inputs": named(key)}),
    "tensorflow-serving": (
        "POST /v1/models/graph:predict",
        lambda key: {"instances": [{"x": [1.0, 2.0], "key": key}]},
    ),
    "open-inference": ("POST /v2/models/graph/infer", oip),
    "torchserve": ("POST /predictions/graph", named),
    "sagemaker": ("POST /graph/invocations", lambda key: {"inputs": named(key)}),
}
NAMED = {"code": 404, "type": "ResourceNotFoundException", "message": NO_ROUTE}


@pytest.mark.parametrize("dialect", REQUESTS)
def test_every_dialect_answers_and_has_its_own_form_of_404_where_no_step_matches(
    tmp_path: Path, dialect: str
) -> None:
    app = serve(settings_of(tmp_path))
    route, body = REQUESTS[dialect]
    answer = ask(app, route, body(2))
    assert (answer.status, "6.0" in answer.body.decode()) == (200, True)
    missed = ask(app, route, body(5))
    assert missed.status == 404
    assert missed.document == (NAMED if dialect == "torchserve" else {"error": NO_ROUTE})


def test_the_log_line_has_each_run_with_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path)
    app = Observability(settings).served(create_app(load_catalog(settings)))
    for key in (1, 5, 2):
        ask(app, "POST /predict/graph", {"inputs": named(key)})
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert [[run["node"] for run in line.get("nodes", ())] for line in lines] == [
        ["two"],
        [],
        ["three"],
    ]
    assert all(run["ms"] >= 0 for line in lines for run in line.get("nodes", ()))
    assert lines[1]["reason"] == NO_ROUTE


def test_a_graph_with_own_code_needs_a_digest_of_the_lock(tmp_path: Path) -> None:
    code = b"def combine(answers):\n    return answers[0]\n"
    root = node("ensemble", step("two"), code="root+combine.py")
    write_graph(tmp_path, {"two": times(2)}, {"root": root}, files={"root+combine.py": code})
    model = ServedModel("graph", {1: ""})
    settings = ServingSettings(models=(model,), model_root=str(tmp_path))
    (failure,) = load_catalog(settings).failures()
    assert "LADING_ALLOW_CODE" in failure.reason
    assert not load_catalog(settings._replace(allow_code=True)).failures()


def test_a_changed_model_inside_a_graph_is_found(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    file = tmp_path / "models" / "graph" / "1" / "two+model.onnx"
    file.write_bytes(times(5))
    (failure,) = load_catalog(settings).failures()
    assert "two+model.onnx has digest" in failure.reason
