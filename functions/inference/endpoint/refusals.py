"""The service's errors for what boto3 raises when an endpoint gives no answer.

| SageMaker                                          | error            | prediction started?  |
|---|---|---|
| throttles, or is unavailable                       | Throttled        | no                   |
| cannot be reached                                  | EndpointUnready  | no                   |
| has no capacity, no such endpoint, or is not ready | EndpointUnready  | no; retry later      |
| rejects the request as too long                    | RequestTooLarge  | no; do not retry     |
| reports that the engine answered 429               | Throttled        | perhaps              |
| reports that the engine answered 4xx               | RefusedByEngine  | perhaps              |
| reports that the engine failed, or fails itself    | PredictionFailed | perhaps              |
| does not answer in time, or the engine does not    | TimedOut         | perhaps              |

Codes and texts are those of the `sagemaker-runtime` API. AWS's own texts are never repeated, since
they may name accounts and roles.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from lading.functions.contract.errors import (
    EndpointUnready,
    InferenceError,
    PredictionFailed,
    RefusedByEngine,
    RequestTooLarge,
    Throttled,
    TimedOut,
)
from lading.functions.contract.settings import ServedEndpoint
from lading.functions.inference.endpoint.state import COLD, FAILED, READY, UNKNOWN, UPDATING

_RETRY_AFTER_S = MappingProxyType({COLD: 60, UPDATING: 30})
_REASONS = MappingProxyType(
    {
        COLD: "its endpoint is starting from zero instances",
        UPDATING: "its endpoint is being created or updated",
        FAILED: "its endpoint is not in service",
    }
)
_THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "ServiceUnavailable"}
)
_TOO_MANY, _TOO_LARGE, _CLIENT_ERROR, _SERVER_ERROR = 429, 413, 400, 500


def call_failures() -> tuple[type[Exception], ...]:
    """Return every exception that a call of boto3's may raise; its modules are imported by then."""
    from botocore.eventstream import ParserError
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    return BotoCoreError, ClientError, ParserError, HTTPError, OSError


class Refusals:
    """The translation of one endpoint's errors.

    Args:
        settings: the endpoint.
        who: name and version of its model.
        ask_state: returns its state from the control plane; called only when it matters.
    """

    def __init__(
        self, settings: ServedEndpoint, who: tuple[str, int], ask_state: Callable[[], str]
    ) -> None:
        self._settings, self._who, self._ask_state = settings, who, ask_state

    def explain(self, error: Exception) -> tuple[InferenceError, bool]:
        """Return the service's error, and whether the request may be retried at once."""
        from botocore import exceptions as aws

        if isinstance(error, aws.ClientError):
            return self._refused(dict(error.response))
        if isinstance(error, aws.ConnectTimeoutError | aws.EndpointConnectionError):
            reason = "its endpoint cannot be reached"
            return EndpointUnready(*self._who, FAILED, reason), True
        if "ReadTimeout" in type(error).__name__:  # botocore's, and urllib3's in a stream
            return self._timed_out(), False
        return PredictionFailed(*self._who, f"calling its endpoint: {type(error).__name__}"), False

    def _refused(self, response: dict[str, Any]) -> tuple[InferenceError, bool]:
        code, status = response["Error"].get("Code", ""), _status(response)
        if code in _THROTTLED:
            return Throttled(*self._who), True
        if code == "ModelError":
            return self._model_error(response), False
        if status == _TOO_LARGE:
            return RequestTooLarge(self._settings.payload_limit), False
        text = response["Error"].get("Message", "").lower()
        supposed = _supposed_state(code, text)
        if supposed:
            return self._unready(supposed), False
        if _is_late(text):
            return self._timed_out(), False
        return PredictionFailed(*self._who, f"SageMaker answered {code or status}"), False

    def _model_error(self, response: dict[str, Any]) -> InferenceError:
        status = int(response.get("OriginalStatusCode") or 0)
        text = response.get("OriginalMessage") or response["Error"].get("Message", "")
        if status == _TOO_MANY:
            return Throttled(*self._who)
        if _CLIENT_ERROR <= status < _SERVER_ERROR:
            return RefusedByEngine(self._who[0], status, text)
        if _is_late(text.lower()):
            return self._timed_out()
        return PredictionFailed(*self._who, f"its engine answered {status or 'nothing'}")

    def _timed_out(self) -> TimedOut:
        return TimedOut(*self._who, self._settings.time_limit_s)

    def _unready(self, supposed: str) -> EndpointUnready:
        """Return the error for the state from the control plane, else for the `supposed` one."""
        state = self._ask_state()
        state = supposed if state in (UNKNOWN, READY) else state
        return EndpointUnready(*self._who, state, _REASONS[state], _RETRY_AFTER_S.get(state))


def _status(response: dict[str, Any]) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _is_late(text: str) -> bool:
    """Return whether the text names a timeout: botocore drops the codes of errors in streams."""
    return "timed out" in text or "timeout" in text or "time limit" in text


def _supposed_state(code: str, text: str) -> str:
    """Return the state of an endpoint that answers with this error; empty when it is ready."""
    if code == "ModelNotReadyException" or "no capacity" in text:
        return COLD
    return FAILED if code == "ValidationError" and "not found" in text else ""
