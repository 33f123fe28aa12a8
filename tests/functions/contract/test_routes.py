"""Routes match by segments, every path has one dialect, and dialects serve what is listed."""

import pytest

from lading.functions.contract.names import RESERVED_NAMES
from lading.functions.contract.routes import ROUTES, Route, dialect_of, named_model, split_path
from lading.functions.inference.dialects import find_dialect


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
    for dialect, routes in ROUTES.items():
        assert {route.operation for route in routes} == find_dialect(dialect).OPERATIONS.keys()


def test_every_route_is_below_a_prefix_of_its_own_dialect() -> None:
    for dialect, routes in ROUTES.items():
        for route in routes:
            assert dialect_of(split_path(route.template)) == dialect


def test_no_model_may_hide_a_root_path() -> None:
    roots = {split_path(route.template)[0] for routes in ROUTES.values() for route in routes}
    assert roots | {"models", "docs", "openapi.json"} <= RESERVED_NAMES
