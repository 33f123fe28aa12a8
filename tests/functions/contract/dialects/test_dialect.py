"""Routes match by segments."""

import pytest

from lading.functions.contract.dialects.dialect import Route, split_path, versioned


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


def test_a_versioned_route_is_at_a_model_at_a_version_and_at_a_label() -> None:
    routes = versioned(Route("ready", "GET", "/v2/models/{model}/ready", "Ready"))
    assert [(route.template, route.summary) for route in routes] == [
        ("/v2/models/{model}/ready", "Ready"),
        ("/v2/models/{model}/versions/{version}/ready", "Ready"),
        ("/v2/models/{model}/labels/{label}/ready", "Ready"),
    ]
