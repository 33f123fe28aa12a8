"""The errors of the `sagemaker-runtime` API, with their codes, statuses and texts.

Codes and statuses are those of the API's own model; the texts are as people have reported them.
"""

from collections.abc import Mapping

from lading.emulator.errors import EmulatorError

ACCOUNT = "000000000000"

_MOST_CHARACTERS = 2048


class SageMakerRefusal(EmulatorError):
    """An answer of SageMaker's own.

    `fields` stand in the body beside the message; `reason` is for the person at the terminal.
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
    """The request cannot be taken as it is."""
    return SageMakerRefusal("ValidationError", 400, text)


def endpoint_not_found(name: str) -> SageMakerRefusal:
    """There is no endpoint of this name, or none that has ever been in service."""
    return invalid(f"Endpoint {name} of account {ACCOUNT} not found.")


def component_not_found(name: str) -> SageMakerRefusal:
    """The endpoint has no inference component of this name."""
    return invalid(f'Inference Component Name "{name}" not found.')


def no_capacity(name: str) -> SageMakerRefusal:
    """The inference component has no copy, for it has scaled to zero."""
    return invalid(
        f"Inference Component {name} has no capacity to process this request. "
        "ApplicationAutoScaling may be in-progress (if configured) or try to increase the capacity "
        "by invoking UpdateInferenceComponentRuntimeConfig API."
    )


def too_large(limit: int) -> SageMakerRefusal:
    """The body is longer than SageMaker takes."""
    return SageMakerRefusal("413", 413, f"Request body exceeds the limit of {limit} bytes")


def throttled() -> SageMakerRefusal:
    """Too many requests."""
    return SageMakerRefusal("ThrottlingException", 400, "Rate exceeded")


def unavailable() -> SageMakerRefusal:
    """The service has no room for the request."""
    return SageMakerRefusal("ServiceUnavailable", 503, "Service Unavailable")


def internal_failure() -> SageMakerRefusal:
    """A fault of the service's own."""
    return SageMakerRefusal("InternalFailure", 500, "Internal failure")


def not_ready() -> SageMakerRefusal:
    """The model that the request names is still being loaded."""
    return SageMakerRefusal(
        "ModelNotReadyException", 429, "Model is not ready for inference. Try again."
    )


def model_error(status: int, message: str, log: str, *, reason: str = "") -> SageMakerRefusal:
    """The container answered with an error, or, status 0, not at all."""
    side = "client" if 400 <= status < 500 else "server"  # noqa: PLR2004
    text = f'Received {side} error ({status}) from primary with message "{message}". See {log}.'
    fields: dict[str, str | int] = {
        "OriginalStatusCode": status,
        "OriginalMessage": message[:_MOST_CHARACTERS],
        "LogStreamArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{log}",
    }
    return SageMakerRefusal("ModelError", 424, text, fields, reason=reason)


def timed_out(log: str, seconds: float) -> SageMakerRefusal:
    """The container did not answer in time."""
    message = (
        "Your invocation timed out while waiting for a response from container primary. "
        "Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, "
        "and try again."
    )
    return model_error(0, message, log, reason=f"the container took longer than {seconds:g} s")


def broken(log: str, reason: str) -> SageMakerRefusal:
    """The container went away while it was asked."""
    message = "An error occurred while handling request as the model process exited."
    return model_error(0, message, log, reason=reason)
