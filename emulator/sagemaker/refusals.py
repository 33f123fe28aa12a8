"""The error responses of the `sagemaker-runtime` API.

Codes and statuses are those of the API's own model; texts are as people have reported them.
"""

import json
from collections.abc import Mapping
from typing import Any

from lading.emulator.errors import EmulatorError

ACCOUNT = "000000000000"

_MOST_CHARACTERS = 2048
_CLIENT_ERRORS = 4


class SageMakerRefusal(EmulatorError):
    """An error response of SageMaker itself.

    `fields` are in the body beside the message; `reason` explains it in the emulator's log.

    Remedy: stay within the limits of SageMaker that the text names.
    """

    def __init__(
        self,
        code: str,
        status: int,
        text: str,
        fields: Mapping[str, str | int] | None = None,
        *,
        reason: str = "",
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.status, self.text = code, status, text[:_MOST_CHARACTERS]
        self.fields = dict(fields or {})
        self.reason = reason or f"{code}: {text}"


def invalid(text: str) -> SageMakerRefusal:
    """Return the error for a request that is not valid."""
    return SageMakerRefusal("ValidationError", 400, text)


def document_of(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in the body of a request.

    Raises:
        SageMakerRefusal: the body is anything else.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SageMakerRefusal("SerializationException", 400, "the body must be a JSON object")
    return document


def not_found(kind: str, name: str) -> SageMakerRefusal:
    """Return the error for a description that does not exist."""
    return SageMakerRefusal("ValidationException", 400, f'Could not find {kind} "{name[:63]}".')


def endpoint_not_found(name: str) -> SageMakerRefusal:
    """Return the error for an endpoint that does not exist or was never in service."""
    return invalid(f"Endpoint {name} of account {ACCOUNT} not found.")


def component_not_found(name: str) -> SageMakerRefusal:
    """Return the error for an inference component that the endpoint does not have."""
    return invalid(f'Inference Component Name "{name}" not found.')


def no_capacity(name: str) -> SageMakerRefusal:
    """Return the error for an inference component that has scaled to zero copies."""
    return invalid(
        f"Inference Component {name} has no capacity to process this request. "
        "ApplicationAutoScaling may be in-progress (if configured) or try to increase the capacity "
        "by invoking UpdateInferenceComponentRuntimeConfig API."
    )


def too_large(limit: int) -> SageMakerRefusal:
    """Return the error for a body over the limit."""
    return SageMakerRefusal("413", 413, f"Request body exceeds the limit of {limit} bytes")


def model_error(status: int, message: str, log: str, *, reason: str = "") -> SageMakerRefusal:
    """Return the error for a container that failed; status 0 means that it did not answer."""
    side = "client" if status // 100 == _CLIENT_ERRORS else "server"
    text = f'Received {side} error ({status}) from primary with message "{message}". See {log}.'
    fields: dict[str, str | int] = {
        "OriginalStatusCode": status,
        "OriginalMessage": message[:_MOST_CHARACTERS],
        "LogStreamArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{log}",
    }
    return SageMakerRefusal("ModelError", 424, text, fields, reason=reason)


def timed_out(log: str, seconds: float) -> SageMakerRefusal:
    """Return the error for a container that did not answer in time."""
    message = (
        "Your invocation timed out while waiting for a response from container primary. "
        "Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, "
        "and try again."
    )
    return model_error(
        0, message, log, reason=f"the container exceeded its time limit of {seconds:g} s"
    )


def broken(log: str, reason: str) -> SageMakerRefusal:
    """Return the error for a container that ended during a request."""
    message = "An error occurred while handling request as the model process exited."
    return model_error(0, message, log, reason=reason)
