"""Errors have their status and headers."""

import pytest

from lading.functions.contract.errors import (
    EndpointUnready,
    InferenceError,
    MalformedRequest,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    PredictionFailed,
    RequestError,
    Throttled,
)
from lading.functions.contract.statuses import headers_of, status_of


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
