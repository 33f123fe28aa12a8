"""TorchServe's shape of errors."""

import pytest

from lading.functions.contract.dialects.torchserve import refuse
from lading.functions.contract.errors import (
    InferenceError,
    InternalFailure,
    InvalidInput,
    InvalidOutput,
    InvocationFailed,
    InvocationTimedOut,
    KeyReused,
    LabelNotFound,
    MalformedRequest,
    MethodNotAllowed,
    ModelConflict,
    ModelNotFound,
    ModelUnavailable,
    NotAcceptable,
    NotDeployed,
    PredictionFailed,
    RequestInProgress,
    RequestTooLarge,
    RouteNotFound,
    SignatureNotFound,
    Throttled,
    TimedOut,
    Unsupported,
    UnsupportedMediaType,
    VersionNotFound,
)

ERRORS = [
    InferenceError("text"),
    MalformedRequest("text"),
    RequestTooLarge(1),
    UnsupportedMediaType("a", ["b"]),
    NotAcceptable("a", ["b"]),
    InvalidInput("x", "text"),
    InvalidOutput("y", "text"),
    SignatureNotFound("a", ["b"]),
    RouteNotFound("GET", "/"),
    MethodNotAllowed("GET", "/", ["POST"]),
    ModelConflict("m", "text"),
    RequestInProgress("key"),
    KeyReused("key"),
    Unsupported("text"),
    ModelNotFound("m"),
    VersionNotFound("m", 1),
    LabelNotFound("m", "a"),
    ModelUnavailable("m", 1, "text"),
    Throttled("m", 1),
    TimedOut("m", 1, 2),
    PredictionFailed("m", 1, "text"),
    InternalFailure(),
    InvocationFailed("m", "text"),
    InvocationTimedOut("m", "text"),
    NotDeployed("m", "text"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_has_code_type_and_message(error: InferenceError) -> None:
    status, document, headers = refuse(error, "/predictions/m")
    assert list(document) == ["code", "type", "message"]
    assert document["code"] == status >= 400
    assert document["type"].endswith("Exception")
    assert document["message"]
    assert headers["pragma"] == "no-cache"


def test_a_timeout_has_torchserves_own_status() -> None:
    status, document, _ = refuse(TimedOut("m", 1, 2), "/predictions/m")
    assert (status, document["type"]) == (408, "RequestTimeoutException")
