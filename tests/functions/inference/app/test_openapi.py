"""The OpenAPI document describes every route, with examples that the model takes."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.errors import ModelUnavailable
from lading.functions.inference.app.openapi import data_plane_paths
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from tests.support.driver import ask, serve
from tests.support.engines import proxy
from tests.support.explained import explained_settings, recorded, weighing
from tests.support.worlds import FLOAT, STRING, add_sub, echo, settings_for


def paths_of(root: Path, *names: str, model: bytes | None = None) -> dict[str, dict[str, Any]]:
    models = {name: {1: model or echo()} for name in names}
    return data_plane_paths(load_catalog(settings_for(root, models)))


def described(paths: dict[str, dict[str, Any]]) -> set[tuple[str, str]]:
    return {(path, method.upper()) for path, item in paths.items() for method in item}


@pytest.mark.parametrize("names", [("m",), ("m", "n")], ids=["one", "two"])
def test_every_route_is_described_once_under_an_id_of_its_own(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    paths = paths_of(tmp_path, *names)
    identities = [
        operation["operationId"] for item in paths.values() for operation in item.values()
    ]
    assert len(set(identities)) == len(identities)


def test_several_models_share_every_route_that_names_them(tmp_path: Path) -> None:
    routes = [route for dialect in DIALECTS for route in dialect.routes]
    served = [it for it in routes if not it.language_model and it.operation != "feedback"]
    named = {(it.template, it.method) for it in served if "{model}" in it.template}
    assert named <= described(paths_of(tmp_path, "m", "n"))


def test_the_only_model_has_paths_of_its_own_and_no_two_for_one_thing(tmp_path: Path) -> None:
    found = described(paths_of(tmp_path, "m"))
    assert {("/predict", "POST"), ("/v2/models/m/infer", "POST"), ("/v1/models/m", "GET")} <= found
    assert ("/predict/m", "POST") not in found
    assert not any("{model}" in path for path, _ in found)
    assert not any("explain" in path for path, _ in found), "it has no explanations"


def test_the_version_and_the_label_of_a_route_are_in_its_summary(tmp_path: Path) -> None:
    paths = paths_of(tmp_path, "m")
    said = [paths[f"/predict{at}"]["post"]["summary"] for at in ("", "/versions/{version}")]
    assert said == ["Predict", "Predict, of one version"]


def test_every_parameter_of_a_path_is_described(tmp_path: Path) -> None:
    for path, item in paths_of(tmp_path, "m").items():
        for operation in item.values():
            assert all(f"{{{parameter['name']}}}" in path for parameter in operation["parameters"])
            assert len(operation["parameters"]) == path.count("{")


def test_completions_are_described_where_there_is_a_language_model(tmp_path: Path) -> None:
    paths = data_plane_paths(load_catalog(proxy(tmp_path, "chat")))
    assert {"/v1/chat/completions", "/v1/completions"} <= paths.keys()


@pytest.mark.parametrize(
    "model", [echo(), add_sub(), echo(STRING, ["n", 2]), echo(FLOAT, [])], ids=range(4)
)
def test_the_example_of_each_dialect_is_answered(tmp_path: Path, model: bytes) -> None:
    settings = settings_for(tmp_path, {"m": {1: model}})
    app = serve(settings)
    for path, item in data_plane_paths(load_catalog(settings)).items():
        # For models of one score or value, of embeddings, and with explanations.
        unlike = path.endswith((":classify", ":regress", "/embeddings")) or _explains(path)
        unlike = unlike or path.startswith("/v2/repository")
        if "post" not in item or "version" in path or "label" in path or unlike:
            continue
        example = item["post"]["requestBody"]["content"]["application/json"]["example"]
        answer = ask(app, f"POST {path.replace('{model}', 'm')}", example)
        assert answer.status == 200, (path, answer.body)


def _explains(path: str) -> bool:
    return path.endswith(":explain") or path.startswith("/expla")


def test_the_example_of_each_explanation_is_answered(tmp_path: Path) -> None:
    settings = explained_settings(tmp_path, {"m": (weighing(), recorded())})
    app, asked = serve(settings), 0
    for path, item in data_plane_paths(load_catalog(settings)).items():
        if not _explains(path) or "version" in path or "label" in path:
            continue
        example = item["post"]["requestBody"]["content"]["application/json"]["example"]
        answer = ask(app, f"POST {path.replace('{model}', 'm')}", example)
        assert answer.status == 200, (path, answer.body)
        asked += 1
    assert asked == 3


def test_an_image_has_no_example_of_megabytes(tmp_path: Path) -> None:
    paths = paths_of(tmp_path, "m", model=echo(FLOAT, ["n", 3, 10**5, 10**5]))
    assert len(json.dumps(paths)) < 60_000


def test_no_bare_predict_is_offered_where_several_models_are(tmp_path: Path) -> None:
    assert "/predict" not in paths_of(tmp_path, "m", "n")


def test_a_catalog_without_a_ready_model_has_no_examples() -> None:
    broken = CatalogModel("m", {1: ModelUnavailable("m", 1, "broken")})
    for catalog in (Catalog({}), Catalog({"m": broken})):
        for item in data_plane_paths(catalog).values():
            assert '"example":' not in json.dumps([it.get("requestBody") for it in item.values()])


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/v2/models/{model}/infer", ["error"]),
        ("/v1/models/{model}:predict", ["error"]),
        ("/predict/{model}", ["error"]),
        ("/predictions/{model}", ["code", "type", "message"]),
        ("/v1/embeddings", ["error"]),
    ],
)
def test_an_error_is_described_in_the_shape_that_its_dialect_answers(
    tmp_path: Path, path: str, keys: list[str]
) -> None:
    wrong = paths_of(tmp_path, "m", "n")[path]["post"]["responses"]["default"]
    content = wrong["content"]["application/json"]
    assert content["schema"]["required"] == [*content["example"]] == keys


def test_answers_have_examples(tmp_path: Path) -> None:
    paths = paths_of(tmp_path, "m")
    live = paths["/v2/health/live"]["get"]["responses"]["200"]
    assert live["content"]["application/json"]["example"] == {"live": True}


def arrays(schema: Any) -> list[dict[str, Any]]:
    """Every schema of an array in a document."""
    if isinstance(schema, list):
        return [found for each in schema for found in arrays(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if "array" in (schema.get("type") or ()) else []
    return own + [found for each in schema.values() for found in arrays(each)]


def test_every_array_says_of_what_it_is_or_generators_of_clients_drop_it(tmp_path: Path) -> None:
    found = arrays(data_plane_paths(load_catalog(proxy(tmp_path, "chat"))))
    found += arrays(paths_of(tmp_path, "m"))
    assert len(found) > 10
    assert [each for each in found if "items" not in each] == []
