"""Which status and headers HTTP has for each error, whatever the dialect."""

from collections.abc import Mapping
from types import MappingProxyType

from lading.functions.contract.errors import (
    AtCapacity,
    CallerGone,
    EndpointUnready,
    InferenceError,
    InvocationError,
    InvocationTimedOut,
    KeyReused,
    MethodNotAllowed,
    ModelConflict,
    ModelUnavailable,
    NotAcceptable,
    NotDeployed,
    NotFound,
    RequestError,
    RequestInProgress,
    RequestTooLarge,
    RouteNotFound,
    Throttled,
    TimedOut,
    Unsupported,
    UnsupportedMediaType,
)

REASON = "lading-reason"
"""Header of a 503: `cold`, `updating` or `failed`."""

STATUSES: Mapping[type[InferenceError], int] = MappingProxyType(
    {
        NotFound: 404,
        RouteNotFound: 404,
        MethodNotAllowed: 405,
        RequestTooLarge: 413,
        UnsupportedMediaType: 415,
        NotAcceptable: 406,
        ModelConflict: 409,
        Unsupported: 501,
        RequestInProgress: 409,
        KeyReused: 422,
        RequestError: 400,
        CallerGone: 499,  # as nginx has it; nobody sees it but the log and the metrics
        ModelUnavailable: 503,
        Throttled: 429,
        TimedOut: 504,
        InvocationError: 502,
        NotDeployed: 503,
        AtCapacity: 503,
        InvocationTimedOut: 504,
    }
)
"""The status that HTTP has for each error; what is not here is 500."""

_SAME: Mapping[type[InferenceError], int] = MappingProxyType({})


def status_of(error: InferenceError, changes: Mapping[type[InferenceError], int] = _SAME) -> int:
    """The status of the nearest class of `error`: in a dialect's `changes`, else in `STATUSES`."""
    table = {**STATUSES, **changes}
    return next((table[kind] for kind in type(error).__mro__ if kind in table), 500)


def headers_of(error: InferenceError) -> dict[str, str]:
    """The headers that HTTP wants beside the status of an error, whatever the dialect."""
    if isinstance(error, MethodNotAllowed):
        return {"allow": ", ".join(error.allowed)}
    again = getattr(error, "retry_after_s", None)
    headers = {"retry-after": str(again)} if again else {}
    return {**headers, REASON: error.state} if isinstance(error, EndpointUnready) else headers
