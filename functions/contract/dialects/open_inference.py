"""The Open Inference Protocol v2 over REST, with Triton's extensions.

https://github.com/kserve/open-inference-protocol
"""

from typing import Final

from lading.functions.contract.dialects.dialect import (
    OBJECT,
    STRING,
    TENSORS,
    Dialect,
    Json,
    Refusal,
    Route,
    fields,
    versioned,
)
from lading.functions.contract.errors import InferenceError, ModelNotFound, VersionNotFound, brief
from lading.functions.contract.names import VERSION
from lading.functions.contract.statuses import headers_of, status_of

EXTENSIONS: Final = (
    *("binary_tensor_data", "classification", "model_configuration", "model_repository"),
    "statistics",
)
"""Extensions of the protocol that the service implements, by Triton's names."""

SERVER: Final[Json] = {"name": "lading", "version": VERSION, "extensions": EXTENSIONS}
"""The server's metadata."""

LIVE: Final[Json] = {"live": True}

_TENSOR = fields(
    *("name", "datatype", "shape"),
    name=STRING,
    datatype=STRING,
    shape={"type": "array", "items": {"type": "integer", "minimum": 0}},
    parameters=OBJECT,
    data={"type": "array", "items": {}},
)
INFER: Final = fields(
    "inputs",
    id=STRING,
    parameters=OBJECT,
    inputs={"type": "array", "items": _TENSOR},
    outputs={"type": "array", "items": OBJECT},
)
"""Schema of an inference request."""

INFERRED: Final[Json] = {
    "model_name": "digits",
    "model_version": "1",
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [0.25, 0.75]}],
}
"""Example of its answer."""

_GENERATE = fields("text_input", text_input=STRING, parameters=OBJECT)
_PROMPT: Json = {"text_input": "Once upon a time"}
_INDEX = fields(ready={"type": "boolean"})


def refuse(error: InferenceError, _path: str) -> Refusal:
    """Refuse with `{"error": "..."}`; the stock client reads nothing else."""
    text = str(error)
    if isinstance(error, ModelNotFound):
        text = f"Request for unknown model: '{brief(error.name)}' is not found"
    if isinstance(error, VersionNotFound):
        text = f"Request for unknown model: '{error.name}' version {error.version} is not found"
    return status_of(error), {"error": text}, headers_of(error)


OPEN_INFERENCE = Dialect(
    name="open_inference",
    prefixes=("/v2",),
    routes=(
        Route(
            "server_metadata", "GET", "/v2", "Server metadata", answer=SERVER, at_root="constant"
        ),
        Route(
            "live",
            "GET",
            "/v2/health/live",
            "Whether the server is alive",
            answer=LIVE,
            at_root="constant",
        ),
        Route(
            "ready",
            "GET",
            "/v2/health/ready",
            "Whether every model is ready",
            answer={"ready": True},
            at_root="ready",
        ),
        Route(
            "statistics",
            "GET",
            "/v2/models/stats",
            "Counts and durations of requests, for every model",
            at_root="stats",
        ),
        Route(
            "index",
            "POST",
            "/v2/repository/index",
            "Index of the models",
            request=_INDEX,
            at_root="index",
            in_memory=True,
        ),
        Route(
            "load",
            "POST",
            "/v2/repository/models/{model}/load",
            "Load a model, where models come from a folder",
            request=OBJECT,
        ),
        Route(
            "unload",
            "POST",
            "/v2/repository/models/{model}/unload",
            "Unload a model, where models come from a folder",
            request=OBJECT,
        ),
        *versioned(
            Route("model_metadata", "GET", "/v2/models/{model}", "Model metadata"),
            Route(
                "model_ready",
                "GET",
                "/v2/models/{model}/ready",
                "Whether a model is ready",
                answer={"name": "digits", "ready": True},
            ),
            Route("config", "GET", "/v2/models/{model}/config", "Model configuration"),
            Route(
                "statistics", "GET", "/v2/models/{model}/stats", "Counts and durations of requests"
            ),
            Route(
                "infer",
                "POST",
                "/v2/models/{model}/infer",
                "Infer, Open Inference Protocol v2",
                request=INFER,
                example={"inputs": TENSORS},
                answer=INFERRED,
            ),
            Route(
                "generate",
                "POST",
                "/v2/models/{model}/generate",
                "Generate text with a language model",
                request=_GENERATE,
                example=_PROMPT,
                language_model=True,
            ),
            Route(
                "generate_stream",
                "POST",
                "/v2/models/{model}/generate_stream",
                "Generate text with a language model, as a stream",
                request=_GENERATE,
                example=_PROMPT,
                language_model=True,
            ),
        ),
    ),
    refuse=refuse,
    title="Open Inference Protocol v2 (Triton, KServe)",
    asking=("infer", "generate", "generate_stream"),
)
