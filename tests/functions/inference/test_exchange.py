"""A routed call finds its model, and its observation tells the times."""

from collections.abc import Mapping

import pytest

from functions.inference.catalog import Catalog, CatalogModel
from functions.inference.errors import (
    EndpointUnready,
    InferenceError,
    MalformedRequest,
    MethodNotAllowed,
    ModelNotFound,
    ModelUnavailable,
    NotFound,
    PredictionFailed,
    RequestError,
    Throttled,
)
from functions.inference.exchange import Call, Observation, Request, headers_of, status_of


def call(parameters: Mapping[str, str], *names: str) -> Call:
    models = {name: CatalogModel(name, {7: ModelUnavailable(name, 7, "broken")}) for name in names}
    request = Request("GET", "/", {}, b"")
    return Call(request, Catalog(models), parameters, Observation())


def test_the_model_in_the_path_is_meant() -> None:
    found = call({"model": "b"}, "a", "b")
    assert found.find_version() == ("b", 7)
    assert (found.observation.model, found.observation.version) == ("b", 7)


def test_the_only_model_need_not_be_named() -> None:
    assert call({}, "a").model_name() == "a"
    for names in ((), ("a", "b")):
        with pytest.raises(MalformedRequest, match="name one of the models"):
            call({}, *names).model_name()


def test_a_name_that_is_not_served_is_not_observed() -> None:
    lost = call({"model": "z"}, "a")
    with pytest.raises(ModelNotFound):
        lost.model()
    assert not lost.observation.model


@pytest.mark.parametrize(
    "version", ["x", "-1", "+1", "1.0", " 1", "1_0", "\u0661", "\u00b2", "9" * 19, "9" * 5000]
)
def test_a_version_that_is_no_number_is_malformed(version: str) -> None:
    with pytest.raises(MalformedRequest, match="is no number; a label as 'stable'") as caught:
        call({"model": "a", "version": version}, "a").find_version()
    assert len(str(caught.value)) < 200


def test_an_unavailable_model_is_refused_where_it_is_used() -> None:
    with pytest.raises(ModelUnavailable, match="broken"):
        call({}, "a").predictor()


def test_times_add_up_once_the_answer_is_out() -> None:
    seen = Observation(started=1.0, compute_started=1.25, compute_ended=2.0)
    assert seen.milliseconds() == {}
    seen.ended = 2.5
    assert seen.milliseconds() == {"total": 1500, "decode": 250, "compute": 750, "encode": 500}
    assert Observation(started=1.0, ended=2.0).milliseconds() == {"total": 1000}


def test_the_nearest_class_of_an_error_gives_its_status() -> None:
    table: dict[type[InferenceError], int] = {NotFound: 404, RequestError: 400, ModelNotFound: 410}
    assert status_of(ModelNotFound("m"), table) == 410
    assert status_of(MalformedRequest(""), table) == 400
    assert status_of(PredictionFailed("m", 1, ""), table) == 500


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (MethodNotAllowed("PUT", "/predict", {"POST", "GET"}), {"allow": "GET, POST"}),
        (Throttled("m", 1, 3), {"retry-after": "3"}),
        (EndpointUnready("m", 1, "failed", "it is broken"), {"lading-reason": "failed"}),
        (MalformedRequest("why"), {}),
    ],
)
def test_what_http_wants_beside_a_status_is_told(
    error: InferenceError, headers: dict[str, str]
) -> None:
    assert headers_of(error) == headers
