"""SageMaker's container contract: `/ping` and `/invocations`, with Triton's content types.

SageMaker passes no header on that it does not know, so the length of the JSON before binary tensors
stands in the content type: `application/vnd.sagemaker-triton.binary+json;json-header-size=123`.
Types and spelling are those that Triton's SageMaker mode takes (`src/sagemaker_server.cc`).
"""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from functions.inference.dialects import open_inference
from functions.inference.dialects.binary_tensors import HEADER_LENGTH
from functions.inference.errors import InferenceError, MalformedRequest, UnsupportedMediaType
from functions.inference.exchange import JSON, Call, Response

BINARY = "application/vnd.sagemaker-triton.binary+json"
"""The essence of the type of a body with binary tensors."""

_BINARY_PREFIX = f"{BINARY};json-header-size="
_MOST_DIGITS = 12
_UNSUPPORTED = 415


def error_response(error: InferenceError) -> Response:
    """`{"error": "..."}`, as the Open Inference Protocol has it."""
    response = open_inference.error_response(error)
    unread = isinstance(error, UnsupportedMediaType)
    return replace(response, status=_UNSUPPORTED) if unread else response


def _ping(call: Call) -> Response:
    return Response(200 if call.catalog.ready() else 503, content_type="text/plain")


def _invoke(call: Call) -> Response:
    """Infer from a body of either type; the answer's type follows from the outputs asked for."""
    given = call.request.headers.get("content-type", JSON)
    headers = {key: value for key, value in call.request.headers.items() if key != HEADER_LENGTH}
    if given.startswith(_BINARY_PREFIX):
        size = given.removeprefix(_BINARY_PREFIX).partition(";")[0]
        headers[HEADER_LENGTH] = _checked_size(size, len(call.request.body))
    elif given.partition(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaType(given, (JSON, f"{_BINARY_PREFIX}<bytes of JSON>"))
    request = replace(call.request, headers=headers)
    response = open_inference.infer(replace(call, request=request))
    length = response.headers.get(HEADER_LENGTH)
    if length is None:
        return response
    return Response(response.status, response.body, f"{_BINARY_PREFIX}{length}")


def _checked_size(text: str, limit: int) -> str:
    """The length of the JSON; Triton takes one that is no number for 0, which helps nobody."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise MalformedRequest(f"json-header-size is no number of bytes: '{text[:40]}'")
    if int(text) > limit:
        raise MalformedRequest(f"json-header-size is {text}, the body has {limit} bytes")
    return text


OPERATIONS: MappingProxyType[str, Callable[[Call], Response]] = MappingProxyType(
    {"ping": _ping, "invoke": _invoke}
)
