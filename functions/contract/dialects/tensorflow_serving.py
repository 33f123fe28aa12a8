"""TensorFlow Serving's REST API, and what OpenAI and KServe v1 request at the same paths.

https://www.tensorflow.org/tfx/serving/api_rest
"""

from types import MappingProxyType

from lading.functions.contract import errors
from lading.functions.contract.dialects.dialect import (
    ANY_TENSOR,
    EXPLANATION,
    FEATURES,
    OBJECT,
    STRING,
    VALUES,
    Dialect,
    Json,
    Refusal,
    Route,
    fields,
    split_path,
    versioned,
)
from lading.functions.contract.errors import InferenceError, brief
from lading.functions.contract.statuses import headers_of, status_of

_STATUSES = MappingProxyType(
    {errors.LabelNotFound: 400, errors.RouteNotFound: 400, errors.MethodNotAllowed: 400}
)

_VALUES: Json = {
    **fields(
        signature_name=STRING,
        instances={"type": "array", "items": {}, "minItems": 1},
        inputs=ANY_TENSOR,
    ),
    "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
}
_FEATURES = fields(
    "examples",
    signature_name=STRING,
    context=OBJECT,
    examples={"type": "array", "items": OBJECT, "minItems": 1},
)

_STATUS = tuple(
    versioned(
        Route(
            "status",
            "GET",
            "/v1/models/{model}",
            "Model status: TensorFlow Serving's, OpenAI's, KServe's",
        )
    )
)


def refuse(error: InferenceError, path: str) -> Refusal:
    """Refuse with `{"error": "..."}`, in the server's own words where clients look for them."""
    match error:
        case errors.ModelNotFound() if _asks_for_status(path):
            text = f"Could not find any versions of model {brief(error.name)}"
        case errors.ModelNotFound():
            text = f"Servable not found for request: Latest({brief(error.name)})"
        case errors.VersionNotFound() if _asks_for_status(path):
            text = f"Could not find version {error.version} of model {error.name}"
        case errors.VersionNotFound():
            text = f"Servable not found for request: Specific({error.name}, {error.version})"
        case errors.LabelNotFound():
            text = f"Unrecognized servable version label: {brief(error.label)}"
        case errors.RouteNotFound() | errors.MethodNotAllowed():
            text = f"Malformed request: {error.method} {brief(error.path)}"
        case _:
            text = str(error)
    return status_of(error, _STATUSES), {"error": text}, headers_of(error)


def _asks_for_status(path: str) -> bool:
    segments = split_path(path)
    return any(route.match(segments) is not None for route in _STATUS)


TENSORFLOW_SERVING = Dialect(
    name="tensorflow_serving",
    prefixes=("/v1",),
    routes=(
        Route("models", "GET", "/v1/models", "List the models, as OpenAI does", at_root="names"),
        *versioned(
            Route(
                "predict",
                "POST",
                "/v1/models/{model}:predict",
                "Predict, TensorFlow Serving",
                request=_VALUES,
                example={"inputs": VALUES},
                answer={"outputs": [[0.25, 0.75]]},
            ),
            Route(
                "explain",
                "POST",
                "/v1/models/{model}:explain",
                "Explain, KServe",
                request=_VALUES,
                example={"inputs": VALUES},
                answer={"outputs": [[0.25, 0.75]], "explanations": [EXPLANATION]},
            ),
            Route(
                "classify",
                "POST",
                "/v1/models/{model}:classify",
                "Classify examples",
                request=_FEATURES,
                example={"examples": FEATURES},
                answer={"results": [[["0", 0.25], ["1", 0.75]]]},
            ),
            Route(
                "regress",
                "POST",
                "/v1/models/{model}:regress",
                "Regress examples",
                request=_FEATURES,
                example={"examples": FEATURES},
                answer={"results": [0.5]},
            ),
        ),
        *_STATUS,
        *versioned(Route("metadata", "GET", "/v1/models/{model}/metadata", "Model metadata")),
    ),
    refuse=refuse,
    title="TensorFlow Serving",
    asking=("predict",),
)
