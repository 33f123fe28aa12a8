"""The Open Inference Protocol's texts of errors, and what its server tells of itself."""

import pytest

from lading.functions.contract.dialects.open_inference import OPEN_INFERENCE, SERVER, refuse
from lading.functions.contract.errors import (
    InferenceError,
    ModelNotFound,
    Throttled,
    VersionNotFound,
)
from lading.functions.contract.names import VERSION


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ModelNotFound("m"), 404, "Request for unknown model: 'm' is not found"),
        (VersionNotFound("m", 2), 404, "Request for unknown model: 'm' version 2 is not found"),
        (Throttled("m", 1), 429, "model 'm' version 1 is at capacity; retry in 1 s"),
    ],
)
def test_an_error_is_one_text(error: InferenceError, status: int, text: str) -> None:
    found, document, headers = refuse(error, "/v2/models/m/infer")
    assert (found, document) == (status, {"error": text})
    assert ("retry-after" in headers) == (status == 429)


def test_the_front_function_answers_metadata_with_the_servers_own() -> None:
    (route,) = [it for it in OPEN_INFERENCE.routes if it.operation == "server_metadata"]
    assert (route.at_root, route.answer) == ("constant", SERVER)
    assert (SERVER["name"], SERVER["version"]) == ("lading", VERSION)
