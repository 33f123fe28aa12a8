"""The HTTP status and headers of each error, where a dialect has no other."""

from collections.abc import Mapping
from types import MappingProxyType

from lading.functions.contract import errors
from lading.functions.contract.errors import InferenceError

REASON = "lading-reason"
"""Header of a 503: `cold`, `updating` or `failed`."""

STATUSES: Mapping[type[InferenceError], int] = MappingProxyType(
    {
        errors.NotFound: 404,
        errors.RouteNotFound: 404,
        errors.MethodNotAllowed: 405,
        errors.RequestTooLarge: 413,
        errors.RequestTooSlow: 408,
        errors.UnsupportedMediaType: 415,
        errors.NotAcceptable: 406,
        errors.ModelConflict: 409,
        errors.Unsupported: 501,
        errors.RequestInProgress: 409,
        errors.KeyReused: 422,
        errors.RequestError: 400,
        errors.NotEntitled: 401,
        errors.CallerGone: 499,  # as in nginx; only the log and the metrics have it
        errors.ModelUnavailable: 503,
        errors.CaptureUnreachable: 503,
        errors.Throttled: 429,
        errors.Overloaded: 503,
        errors.ServerStopping: 503,
        errors.CallerAtLimit: 429,
        errors.TimedOut: 504,
        errors.DeadlinePassed: 504,
        errors.InvocationError: 502,
        errors.NotDeployed: 503,
        errors.AtCapacity: 503,
        errors.InvocationTimedOut: 504,
    }
)
"""The status of each error; others have 500."""

_SAME: Mapping[type[InferenceError], int] = MappingProxyType({})


def status_of(error: InferenceError, changes: Mapping[type[InferenceError], int] = _SAME) -> int:
    """Return the status of the nearest class of `error` in `changes` or `STATUSES`."""
    table = {**STATUSES, **changes}
    return next((table[kind] for kind in type(error).__mro__ if kind in table), 500)


def headers_of(error: InferenceError) -> dict[str, str]:
    """Return an error's headers: allowed methods, when to retry, the state of an endpoint."""
    if isinstance(error, errors.MethodNotAllowed):
        return {"allow": ", ".join(error.allowed)}
    again = getattr(error, "retry_after_s", None)
    headers = {"retry-after": str(again)} if again else {}
    return (
        {**headers, REASON: error.state} if isinstance(error, errors.EndpointUnready) else headers
    )
