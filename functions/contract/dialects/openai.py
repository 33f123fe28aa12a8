"""OpenAI's chat completions, text completions and embeddings.

https://platform.openai.com/docs/api-reference. The list of models is answered where TensorFlow
Serving's `/v1/models` is (docs/adr/0021).
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lading.functions.contract import errors
from lading.functions.contract.dialects.dialect import (
    MODEL,
    STRING,
    Dialect,
    Json,
    Refusal,
    Route,
    fields,
)
from lading.functions.contract.errors import InferenceError
from lading.functions.contract.statuses import headers_of, status_of

_STATUS: Mapping[type[InferenceError], int] = MappingProxyType({errors.Unsupported: 400})
_CODES: Mapping[type[InferenceError], str] = MappingProxyType(
    {
        errors.ModelNotFound: "model_not_found",
        errors.ModelUnavailable: "model_unavailable",
        errors.Throttled: "rate_limit_exceeded",
        errors.Overloaded: "overloaded",
        errors.CallerAtLimit: "rate_limit_exceeded",
        errors.TimedOut: "timeout",
        errors.DeadlinePassed: "timeout",
        errors.RequestTooLarge: "request_too_large",
        errors.AnswerTooLarge: "answer_too_large",
        errors.InvalidInput: "invalid_value",
        errors.Unsupported: "unsupported",
        errors.PredictionFailed: "engine_error",
    }
)
_UNSAFE = (errors.TimedOut, errors.DeadlinePassed, errors.PredictionFailed, errors.InternalFailure)
"""Errors after which a retry would compute again, or in vain."""
_SERVER_ERROR, _TOO_MANY = 500, 429


def refuse(error: InferenceError, _path: str) -> Refusal:
    """Refuse with `{"error": {"message", "type", "param", "code"}}`.

    OpenAI's clients retry by themselves; `x-should-retry` says when that is not safe.
    """
    headers = headers_of(error)
    if isinstance(error, _UNSAFE):
        headers["x-should-retry"] = "false"
    return status_of(error, _STATUS), {"error": _error_object(error)}, headers


def _error_object(error: InferenceError) -> dict[str, Any]:
    if isinstance(error, errors.RefusedByEngine) and (reported := engine_error(error.body)):
        return reported
    code = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
    return {
        "message": str(error),
        "type": _type_of(status_of(error, _STATUS)),
        "param": error.name if isinstance(error, errors.InvalidInput) else None,
        "code": error.state if isinstance(error, errors.EndpointUnready) else code,
    }


def _type_of(status: int) -> str:
    if status == _TOO_MANY:
        return "rate_limit_error"
    return "server_error" if status >= _SERVER_ERROR else "invalid_request_error"


def engine_error(body: str) -> dict[str, Any] | None:
    """Return the error object in an engine's answer; older engines omit the key `error`."""
    try:
        document = json.loads(body)
    except (RecursionError, ValueError):
        return None
    found = document.get("error", document) if isinstance(document, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("message"), str):
        return None
    kind = found.get("type") if isinstance(found.get("type"), str) else "invalid_request_error"
    return {
        "message": found["message"],
        "type": kind,
        "param": found.get("param"),
        "code": found.get("code"),
    }


def _completion(**content: Json) -> Json:
    """Return the schema of a request to a language model, with `model` and `stream`."""
    return fields(*content, **content, model=STRING, stream={"type": "boolean"})


_EMBEDDINGS = fields(
    "input",
    model=STRING,
    input={"anyOf": [STRING, {"type": "array", "items": {}}]},
    encoding_format={"enum": ["float", "base64"]},
    dimensions={"type": "integer", "minimum": 1},
    user=STRING,
)

OPENAI = Dialect(
    name="openai",
    prefixes=("/v1/chat", "/v1/completions", "/v1/embeddings"),
    routes=(
        Route(
            "chat",
            "POST",
            "/v1/chat/completions",
            "Chat completions of a language model",
            request=_completion(
                messages={"type": "array", "items": {"type": "object"}, "minItems": 1}
            ),
            example={"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]},
            at_root="body",
            language_model=True,
        ),
        Route(
            "complete",
            "POST",
            "/v1/completions",
            "Text completions of a language model",
            request=_completion(prompt=STRING),
            example={"model": MODEL, "prompt": "Once upon a time"},
            at_root="body",
            language_model=True,
        ),
        Route(
            "embed",
            "POST",
            "/v1/embeddings",
            "Embeddings of text or of tokens",
            request=_EMBEDDINGS,
            example={"model": MODEL, "input": "Hello"},
            at_root="body",
        ),
    ),
    refuse=refuse,
    title="OpenAI",
    asking=("chat", "complete"),
)
