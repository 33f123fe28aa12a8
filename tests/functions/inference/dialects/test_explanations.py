"""Explanations in every dialect: KServe v1, TorchServe, the plain one, and v2's extra output."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.settings import JobsPlace
from lading.functions.inference.app.application import answer as answer_request
from lading.functions.inference.endpoint.job_store import EngineWork, JobStore
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.wire.asgi import App
from lading.functions.inference.wire.messages import Observation, Request, Response
from tests.support.driver import ask, serve
from tests.support.explained import explained_settings, recorded, weighing

X = [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]
FIRST = {"x": [0.5, 5.5, 4.5]}
"""13 less 2.5, the mean of 0 and 5: 0.5 of x0, and the product of x1 and x2 twice, shared."""
TENSOR = {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": X}


@pytest.fixture(name="app", scope="module")
def fixture_app(tmp_path_factory: pytest.TempPathFactory) -> App:
    root = tmp_path_factory.mktemp("models")
    models = {"m": (weighing(), recorded()), "unexplained": (weighing(), None)}
    return serve(explained_settings(root, models))


def check(explanations: list[Any]) -> None:
    """Both rows are explained, and add up."""
    first, second = explanations
    assert first["values"] == FIRST
    assert (first["method"], first["output"], first["target"]) == ("shapley_exact", "y", 0)
    assert (first["base_value"], first["prediction"]) == (2.5, 13.0)
    assert (second["values"], second["prediction"]) == ({"x": [-0.5, -1.0, -1.0]}, 0.0)
    assert first["standard_error"] == {"x": [0.0, 0.0, 0.0]}
    assert first["evaluations"] == 1 + 2 * 6


def test_kserve_gets_predictions_and_explanations_of_instances(app: App) -> None:
    answer = ask(app, "POST /v1/models/m:explain", {"instances": X})
    assert answer.document["predictions"] == [[13.0, -1.0], [0.0, -0.0]]
    check(answer.document["explanations"])


def test_kserve_gets_outputs_and_explanations_of_inputs(app: App) -> None:
    answer = ask(app, "POST /v1/models/m/versions/1:explain", {"inputs": X})
    assert answer.document["outputs"] == [[13.0, -1.0], [0.0, -0.0]]
    check(answer.document["explanations"])


def test_torchserve_gets_bare_values(app: App) -> None:
    for body in (X, {"data": X}, {"instances": X}):
        answer = ask(app, "POST /explanations/m", body)
        assert answer.document == [FIRST["x"], [-0.5, -1.0, -1.0]]
        assert answer.headers["pragma"] == "no-cache"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("path", ["/explanations/m", "/explanations/m/1.0", "/explanations/m/1"])
def test_torchserve_gets_bare_values_by_either_method_of_a_version_too(
    app: App, method: str, path: str
) -> None:
    answer = ask(app, f"{method} {path}", X)
    assert answer.document == [FIRST["x"], [-0.5, -1.0, -1.0]]
    assert ask(app, f"{method} /explanations/m/2.0", X).status == 404


@pytest.mark.parametrize("path", ["/explain/m", "/m/explain", "/explain/m/labels/stable"])
def test_the_plain_dialect_explains_at_the_root_and_below_the_model(app: App, path: str) -> None:
    answer = ask(app, f"POST {path}", {"inputs": X})
    assert (answer.document["model"], answer.document["version"]) == ("m", 1)
    assert answer.document["outputs"] == {"y": [[13.0, -1.0], [0.0, -0.0]]}
    check(answer.document["explanations"])


def test_v2_has_an_extra_output_that_a_request_names(app: App) -> None:
    body = {"inputs": [TENSOR], "outputs": [{"name": "explanation"}]}
    (output,) = ask(app, "POST /v2/models/m/infer", body).document["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("explanation", "BYTES", [2])
    check([json.loads(text) for text in output["data"]])


def test_v2_has_an_extra_output_that_a_parameter_asks_for(app: App) -> None:
    body = {"inputs": [TENSOR], "parameters": {"explain": True}}
    first, output = ask(app, "POST /v2/models/m/infer", body).document["outputs"]
    assert (first["name"], first["data"]) == ("y", [13.0, -1.0, 0.0, -0.0])
    check([json.loads(text) for text in output["data"]])


def test_v2_does_not_explain_unasked(app: App) -> None:
    (output,) = ask(app, "POST /v2/models/m/infer", {"inputs": [TENSOR]}).document["outputs"]
    assert output["name"] == "y"


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/models/m:explain", {"instances": X}), ("/explain/m", {"inputs": X})]
)
def test_a_request_chooses_the_value_that_is_explained(app: App, path: str, body: Any) -> None:
    parameters = {"explain_parameters": {"target": 1, "seed": 3}}
    answer = ask(app, f"POST {path}", {**body, **parameters})
    first = answer.document["explanations"][0]
    assert (first["target"], first["prediction"], first["base_value"]) == (1, -1.0, -0.5)
    assert first["values"] == {"x": [-0.5, 0.0, 0.0]}


@pytest.mark.parametrize("parameters", [{"target": 1}, '{"target": 1}'], ids=["object", "text"])
def test_v2_chooses_the_value_in_its_parameters(app: App, parameters: Any) -> None:
    stated = {"explain": True, "explain_parameters": parameters}
    body = {"inputs": [TENSOR], "parameters": stated}
    output = ask(app, "POST /v2/models/m/infer", body).document["outputs"][-1]
    assert json.loads(output["data"][0])["target"] == 1


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"target": 2}, "'target' of explanations is 2, but 'y' has 2 values in a row"),
        ({"target": -1}, "'target' of explanations must be a whole number from 0"),
        ({"seed": True}, "'seed' of explanations must be a whole number from 0"),
        ({"sead": 1}, "unknown parameter 'sead' of explanations; use target and seed"),
        ([], "'explain_parameters' must be a JSON object"),
    ],
)
def test_wrong_parameters_are_refused(app: App, parameters: Any, reason: str) -> None:
    body = {"instances": X, "explain_parameters": parameters}
    answer = ask(app, "POST /v1/models/m:explain", body)
    assert answer.status == 400
    assert answer.error.startswith(reason)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/unexplained:explain", {"instances": X}),
        ("/v1/models/unexplained:explain", {"wrong": 1}),
        ("/explanations/unexplained", X),
        ("/explain/unexplained", {"inputs": X}),
        ("/v2/models/unexplained/infer", {"inputs": [TENSOR], "parameters": {"explain": True}}),
    ],
    ids=range(5),
)
def test_a_model_without_explanations_says_that_it_has_none(app: App, path: str, body: Any) -> None:
    answer = ask(app, f"POST {path}", body)
    assert answer.status == 501
    assert b"model 'unexplained' does not support explanations: set explain: true" in answer.body


def test_more_evaluations_than_the_budget_are_refused(tmp_path: Path) -> None:
    known = recorded(budget=27)
    app = serve(explained_settings(tmp_path, {"m": (weighing(), known)}))
    assert ask(app, "POST /explain", {"inputs": X[:1]}).status == 200
    answer = ask(app, "POST /explain", {"inputs": [X[0]] * 4})
    assert answer.status == 400
    assert answer.error == (
        "explaining 4 rows of model 'm' needs at least 70 evaluations, its budget is 27; "
        "send fewer rows, or use .../async if it is enabled"
    )


def test_a_deadline_that_has_passed_ends_the_explanation(app: App) -> None:
    headers = {"x-request-timeout": "0.0000001"}
    answer = ask(app, "POST /explain/m", {"inputs": X}, headers)
    assert answer.status == 504


def test_another_type_of_answer_is_refused(app: App) -> None:
    headers = {"accept": "application/x-npy"}
    assert ask(app, "POST /explain/m", {"inputs": X}, headers).status == 406


def test_rows_of_another_width_are_refused_as_by_predictions(app: App) -> None:
    answer = ask(app, "POST /explain/m", {"inputs": [[1, 2]]})
    assert answer.status == 400
    assert answer.error.startswith("unexpected shape for input 'x': [1, 2]")


def test_a_job_has_the_budget_for_each_row(tmp_path: Path) -> None:
    known = recorded(budget=27)
    catalog = load_catalog(explained_settings(tmp_path, {"m": (weighing(), known)}))
    body = json.dumps({"inputs": [X[0]] * 4}).encode()
    request = Request("POST", "/explain", {}, body)
    work = EngineWork("job", JobStore(JobsPlace("table", "bucket")))
    answer = answer_request(request, catalog, Observation(), work=work)
    assert isinstance(answer, Response)
    assert len(json.loads(answer.body)["explanations"]) == 4
