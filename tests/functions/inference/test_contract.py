"""The contract: routes match by segments, and dialects serve what it lists."""

import os
import re
from pathlib import Path

import pytest

from functions.inference.contract import (
    NAME_PATTERN,
    PREFIXES,
    RESERVED_NAMES,
    ROUTES,
    Route,
    artifact_folder,
    named_model,
    split_path,
)
from functions.inference.dialects import DIALECTS
from tests.interpreter import ROOT, run_clean


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/", ("",)),
        ("", ("",)),
        ("/v2/", ("v2",)),
        ("//v2//models/", ("v2", "", "models")),
        ("/v1/models/m:predict", ("v1", "models", "m", ":predict")),
        ("/v1/models/:predict", ("v1", "models", "", ":predict")),
    ],
)
def test_a_path_splits_at_slashes_and_before_verbs(path: str, segments: tuple[str, ...]) -> None:
    assert split_path(path) == segments


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/models/m/versions/3:predict", {"model": "m", "version": "3"}),
        ("/v1/models/m/versions/3:PREDICT", {"model": "m", "version": "3"}),
        ("/v1/models/m/versions/:predict", None),
        ("/v1/models/m/versions/3", None),
        ("/v1/models/m/versions/3:predict/more", None),
        ("/V1/models/m/versions/3:predict", None),
    ],
)
def test_a_template_matches_whole_paths(path: str, parameters: dict[str, str] | None) -> None:
    route = Route("predict", "POST", "/v1/models/{model}/versions/{version}:predict")
    assert route.match(split_path(path)) == parameters


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/digits", "digits"),
        ("/digits/v2/models/other/infer", "digits"),
        ("/v2/models/digits/labels/stable/infer", "digits"),
        ("/v1/models/digits/versions/3:predict", "digits"),
        ("/predict/digits/", "digits"),
        ("/models/digits", "digits"),
        ("/models/digits/more", ""),
        ("/v2/models/digits/unknown", ""),
        ("/predict", ""),
        ("/docs", ""),
        ("/ping", ""),
        ("/", ""),
        ("/v2/models/%64igits/infer", "%64igits"),
    ],
)
def test_a_root_path_names_a_model_as_the_routes_say(path: str, model: str) -> None:
    assert named_model(path) == model


def test_every_route_has_an_operation_and_every_operation_a_route() -> None:
    assert ROUTES.keys() == DIALECTS.keys()
    for dialect, routes in ROUTES.items():
        assert {route.operation for route in routes} == DIALECTS[dialect].OPERATIONS.keys()


def test_a_prefix_leads_to_the_dialect_whose_routes_begin_with_it() -> None:
    for prefix, dialect in PREFIXES.items():
        assert all(split_path(route.template)[0] == prefix for route in ROUTES[dialect])


def test_no_model_may_hide_a_root_path() -> None:
    roots = {split_path(route.template)[0] for routes in ROUTES.values() for route in routes}
    assert roots | {"models", "docs", "openapi.json"} <= RESERVED_NAMES


@pytest.mark.parametrize("name", ["digits", "a", "A.b_c-1", "0" * 63])
def test_a_name_is_safe_in_paths(name: str) -> None:
    assert re.fullmatch(NAME_PATTERN, name)
    assert artifact_folder(name, 3) == f"models/{name}/3"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "_a", "a/b", "a:b", "a b", "\u00e9", "a" * 64]
)
def test_a_name_that_paths_would_bend_is_none(name: str) -> None:
    assert not re.fullmatch(NAME_PATTERN, name)


FIND = """
import json, sys
from pathlib import Path
from functions.inference.contract import in_layers
print(json.dumps({"found": str(in_layers(Path(sys.argv[1])))}))
"""


@pytest.mark.parametrize("on_path", ["layer", "layer/python"])
def test_a_layer_is_found_where_an_emulator_mounts_it(tmp_path: Path, on_path: str) -> None:
    artifact = tmp_path / "layer/models/m/1"
    artifact.mkdir(parents=True)
    paths = os.pathsep.join(map(str, (ROOT, tmp_path / on_path)))
    for wanted, found in (
        ("/opt/models/m/1", str(artifact)),
        ("/opt/models/m/2", "/opt/models/m/2"),
        ("/elsewhere/models/m/1", "/elsewhere/models/m/1"),
    ):
        assert run_clean(FIND, {"PYTHONPATH": paths}, wanted) == [{"found": found}]
