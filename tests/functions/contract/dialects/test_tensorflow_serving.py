"""TensorFlow Serving's texts of errors, which depend on the path."""

import pytest

from lading.functions.contract.dialects.tensorflow_serving import refuse
from lading.functions.contract.errors import (
    InferenceError,
    LabelNotFound,
    MalformedRequest,
    MethodNotAllowed,
    ModelNotFound,
    VersionNotFound,
)


@pytest.mark.parametrize(
    ("error", "path", "status", "text"),
    [
        (ModelNotFound("m"), "/v1/models/m", 404, "Could not find any versions of model m"),
        (ModelNotFound("m"), "/v1/models/m:predict", 404, "Servable not found for request: Latest"),
        (VersionNotFound("m", 2), "/v1/models/m/versions/2", 404, "Could not find version 2"),
        (VersionNotFound("m", 2), "/v1/models/m/versions/2:predict", 404, "Servable not found"),
        (LabelNotFound("m", "a"), "/v1/models/m/labels/a", 400, "Unrecognized servable version"),
        (MethodNotAllowed("PUT", "/v1", ["GET"]), "/v1", 400, "Malformed request: PUT /v1"),
        (MalformedRequest("wrong"), "/v1/models/m:predict", 400, "wrong"),
    ],
)
def test_an_error_has_the_servers_own_text(
    error: InferenceError, path: str, status: int, text: str
) -> None:
    found, document, _ = refuse(error, path)
    assert found == status
    assert [*document] == ["error"]
    assert document["error"].startswith(text)
