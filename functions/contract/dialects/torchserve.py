"""TorchServe's inference API.

https://pytorch.org/serve/inference_api.html; the names of errors and their texts are those of the
server's front end (`http/InferenceRequestHandler.java` and its exceptions).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lading.functions.contract import errors
from lading.functions.contract.dialects.dialect import ANY_TENSOR, VALUES, Dialect, Refusal, Route
from lading.functions.contract.errors import InferenceError, brief
from lading.functions.contract.statuses import headers_of, status_of

_STATUSES: Mapping[type[InferenceError], int] = MappingProxyType(
    {errors.PredictionFailed: 503, errors.TimedOut: 408, errors.DeadlinePassed: 408}
)
_TYPES: Mapping[type[InferenceError], str] = MappingProxyType(
    {
        errors.ModelNotFound: "ModelNotFoundException",
        errors.NotFound: "ModelVersionNotFoundException",
        errors.NoRouteMatched: "ResourceNotFoundException",
        errors.RouteNotFound: "ResourceNotFoundException",
        errors.MethodNotAllowed: "MethodNotAllowedException",
        errors.RequestTooLarge: "RequestEntityTooLargeException",
        errors.Unsupported: "NotImplementedException",
        errors.RequestError: "BadRequestException",
        errors.ModelUnavailable: "ServiceUnavailableException",
        errors.Throttled: "ServiceUnavailableException",
        errors.Overloaded: "ServiceUnavailableException",
        errors.TimedOut: "RequestTimeoutException",
        errors.DeadlinePassed: "RequestTimeoutException",
        errors.NotDeployed: "ServiceUnavailableException",
        errors.AtCapacity: "ServiceUnavailableException",
        errors.InvocationTimedOut: "RequestTimeoutException",
        errors.InternalFailure: "InternalServerException",
    }
)
UNCACHED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pragma": "no-cache",
        "cache-control": "no-cache; no-store, must-revalidate, private",
        "expires": "Thu, 01 Jan 1970 00:00:00 UTC",
    }
)
"""Headers of every answer."""


def refuse(error: InferenceError, _path: str) -> Refusal:
    """Refuse with `{"code": ..., "type": ..., "message": ...}`."""
    match error:
        case errors.ModelNotFound():
            text = f"Model not found: {brief(error.name)}"
        case errors.VersionNotFound():
            text = f"Model version: {error.version} does not exist for model: {error.name}"
        case errors.RouteNotFound():
            text = "Requested resource is not found, please refer to API document."
        case errors.MethodNotAllowed():
            text = "Requested method is not allowed, please refer to API document."
        case _:
            text = str(error)
    status = status_of(error, _STATUSES)
    kind = next(
        (_TYPES[it] for it in type(error).__mro__ if it in _TYPES), _TYPES[errors.InternalFailure]
    )
    document = {"code": status, "type": kind, "message": text}
    return status, document, {**UNCACHED, **headers_of(error)}


_PREDICT = Route(
    "predict",
    "POST",
    "/predictions/{model}",
    "Predict, TorchServe",
    request=ANY_TENSOR,
    example={"inputs": VALUES},
    answer=[[0.25, 0.75]],
)
_EXPLAIN = _PREDICT._replace(
    operation="explain",
    template="/explanations/{model}",
    summary="Explain, TorchServe",
    answer=[[0.5, -0.25]],
)

TORCHSERVE = Dialect(
    name="torchserve",
    prefixes=("/predictions", "/explanations", "/wfpredict", "/workflows"),
    routes=tuple(
        route._replace(method=method, template=route.template + version)
        for route in (_PREDICT, _EXPLAIN)
        for version in ("", "/{version}")
        for method in ("POST", "PUT")
    ),
    refuse=refuse,
    title="TorchServe",
    asking=("predict",),
)
