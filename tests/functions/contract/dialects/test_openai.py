"""OpenAI's shape of errors, and the errors of engines that have it too."""

import json

import pytest

from lading.functions.contract.dialects.openai import engine_error, refuse
from lading.functions.contract.errors import (
    EndpointUnready,
    InferenceError,
    InternalFailure,
    InvalidInput,
    ModelNotFound,
    RefusedByEngine,
    Throttled,
)

PATH = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "param"),
    [
        (ModelNotFound("m"), 404, "invalid_request_error", "model_not_found", None),
        (InvalidInput("n", "wrong"), 400, "invalid_request_error", "invalid_value", "n"),
        (Throttled("m", 1), 429, "rate_limit_error", "rate_limit_exceeded", None),
        (EndpointUnready("m", 1, "cold", "it starts", 5), 503, "server_error", "cold", None),
        (InternalFailure(), 500, "server_error", None, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_has_type_code_and_parameter(
    error: InferenceError, status: int, kind: str, code: str | None, param: str | None
) -> None:
    found, document, headers = refuse(error, PATH)
    told = document["error"]
    assert (found, told["type"], told["code"], told["param"]) == (status, kind, code, param)
    assert ("x-should-retry" in headers) == isinstance(error, InternalFailure)


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_engines_own_error_is_passed_on(wrapped: bool) -> None:
    own = {"message": "too long", "type": "BadRequestError", "param": "prompt", "code": 400}
    body = json.dumps({"error": own} if wrapped else own)
    assert refuse(RefusedByEngine("m", 400, body), PATH)[1] == {"error": own}


@pytest.mark.parametrize("body", ["", "[]", '{"error": "text"}', "[" * 100_000, '{"message": 5}'])
def test_an_answer_without_an_error_object_is_none(body: str) -> None:
    assert engine_error(body) is None
