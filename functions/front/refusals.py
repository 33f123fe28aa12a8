"""What the front function answers by itself, in the dialect of the path.

Statuses and texts are those of the inference service for the same request.
"""

import json
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from lading.functions.contract.routes import ROUTES, dialect_of, split_path
from lading.functions.front.invocation import Answer, Busy, InvocationError

_LONGEST_QUOTE = 128
_SERVER_ERROR = 500
_FAULT = "InternalServerException"
_TORCHSERVE = MappingProxyType(
    {
        400: "BadRequestException",
        404: "ResourceNotFoundException",
        405: "MethodNotAllowedException",
        429: "ServiceUnavailableException",
        503: "ServiceUnavailableException",
        504: "RequestTimeoutException",
    }
)
"""TorchServe's names of errors, by status."""
_JSON = MappingProxyType({"content-type": "application/json"})


def json_answer(document: Any, status: int = 200, **headers: str) -> Answer:
    """An answer to API Gateway, with `document` as its body."""
    return {
        "statusCode": status,
        "headers": {**_JSON, **headers},
        "body": json.dumps(document, separators=(",", ":")),
        "isBase64Encoded": False,
    }


def unknown_model(path: str, name: str, known: Iterable[str]) -> Answer:
    """No model of this name is served here, or none that the caller may see."""
    served = ", ".join(known) or "none"
    text = f"model '{_brief(name)}' is not found; served here: {served}"
    if _dialect(path) == "open_inference":
        text = f"Request for unknown model: '{_brief(name)}' is not found"
    if _dialect(path) == "tensorflow_serving":
        text = f"Servable not found for request: Latest({_brief(name)})"
        if _operation(path) == "status":
            text = f"Could not find any versions of model {_brief(name)}"
    if _dialect(path) == "torchserve":
        text = f"Model not found: {_brief(name)}"
    return _refusal(path, text, 404, "model_not_found")


def unknown_path(method: str, path: str) -> Answer:
    """No dialect has this path."""
    if _dialect(path) == "torchserve":
        text = "Requested resource is not found, please refer to API document."
        return _refusal(path, text, 404)
    if _dialect(path) != "tensorflow_serving":
        text = f"nothing is served at {method} {_brief(path)}; GET /models lists what is"
        return _refusal(path, text, 404)
    return json_answer({"error": f"Malformed request: {method} {_brief(path)}"}, 400)


def wrong_method(method: str, path: str, allowed: str) -> Answer:
    """The path is there, for another method."""
    text = f"{method} is not allowed at {_brief(path)}; use {allowed}"
    return {**_refusal(path, text, 405), "headers": {**_JSON, "allow": allowed}}


def no_model_named(known: Iterable[str]) -> Answer:
    """The path leaves open which of several models is meant."""
    text = f"name one of the models in the path: {', '.join(known)}"
    return json_answer({"error": text}, 400)


def no_model_in_body(path: str, known: Iterable[str]) -> Answer:
    """The body leaves open which of several models is meant."""
    text = f"'model' must name one of the models: {', '.join(known)}"
    return _refusal(path, text, 400, "invalid_value", "model")


def unreadable(path: str) -> Answer:
    """The body should name the model and cannot be read; one that is gzipped is not, here."""
    return _refusal(path, "the request must be a JSON object", 400)


def unanswered(path: str, name: str, error: InvocationError) -> Answer:
    """The model's function gave no answer."""
    answer = _refusal(path, f"model '{name}' {error}", error.status)
    if isinstance(error, Busy):
        return {**answer, "headers": {**_JSON, "retry-after": "1"}}
    return answer


def _refusal(
    path: str, text: str, status: int, code: str | None = None, param: str | None = None
) -> Answer:
    """An error as the dialect of the path writes it; `code` and `param` are OpenAI's."""
    if _dialect(path) == "torchserve":
        kind = "ModelNotFoundException" if code else _TORCHSERVE.get(status, _FAULT)
        return json_answer({"code": status, "type": kind, "message": text}, status)
    if _dialect(path) != "openai":
        return json_answer({"error": text}, status)
    kind = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
    error = {"message": text, "type": kind, "param": param, "code": code}
    return json_answer({"error": error}, status)


def _dialect(path: str) -> str:
    return dialect_of(split_path(path))


def _operation(path: str) -> str:
    segments = split_path(path)
    matching = (route for route in ROUTES[_dialect(path)] if route.match(segments) is not None)
    return next((route.operation for route in matching), "")


def _brief(text: str) -> str:
    """`text`, cut when it is long: an answer and its log line stay small."""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
