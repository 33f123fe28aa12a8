"""Every path has one dialect, whose routes are served, and may name a model."""

import pytest

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.dialects.dialect import split_path
from lading.functions.contract.dialects.sagemaker import MULTI_MODEL, SAGEMAKER
from lading.functions.contract.errors import MethodNotAllowed, RouteNotFound
from lading.functions.contract.routes import (
    CONTROL,
    RESERVED_NAMES,
    dialect_of,
    find_route,
    named_model,
    root_paths,
)
from lading.functions.inference.dialects import find_operations


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
        ("/workflows/digits", ""),
        ("/", ""),
        ("/v2/models/%64igits/infer", "%64igits"),
    ],
)
def test_a_root_path_names_a_model_as_the_routes_say(path: str, model: str) -> None:
    assert named_model(path) == model


def test_every_route_has_an_operation_and_every_operation_a_route() -> None:
    for dialect in DIALECTS:
        routes = [*dialect.routes, *(MULTI_MODEL.routes if dialect is SAGEMAKER else ())]
        assert {route.operation for route in routes} == find_operations(dialect.name).keys()


def test_every_route_is_below_a_prefix_of_its_own_dialect() -> None:
    for dialect in (*DIALECTS, CONTROL):
        for route in dialect.routes:
            assert dialect_of(split_path(route.template)) is dialect


def test_no_model_may_hide_a_root_path() -> None:
    roots = {split_path(route.template)[0] for it in DIALECTS for route in it.routes}
    assert roots | {"models", "docs", "openapi.json", "jobs", "metrics", "ui"} <= RESERVED_NAMES
    assert "" not in RESERVED_NAMES


def test_head_has_the_route_of_get() -> None:
    path = "/v2/health/live"
    segments = split_path(path)
    dialect = dialect_of(segments)
    get, _ = find_route(dialect, "GET", path, segments)
    assert find_route(dialect, "HEAD", path, segments) == (get, {})
    with pytest.raises(MethodNotAllowed, match="use GET"):
        find_route(dialect, "POST", path, segments)
    with pytest.raises(RouteNotFound):
        find_route(dialect, "GET", path, (*segments, "more"))


def test_the_rest_api_has_a_resource_for_every_route() -> None:
    paths = root_paths()
    assert {"/", "/predict", "/predict/{proxy+}", "/v2", "/v2/{proxy+}", "/ping"} <= {*paths}
    assert "/ping/{proxy+}" not in paths
    for dialect in (*DIALECTS, CONTROL):
        for route in dialect.routes:
            first = f"/{split_path(route.template)[0]}"
            assert route.template in paths or f"{first}/{{proxy+}}" in paths
