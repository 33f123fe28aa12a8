"""The data plane in OpenAPI's words: what `routes.ROUTES` serves, with bodies to try.

The dialects are plain ASGI; this describes them for people and for generated clients.
"""

from types import MappingProxyType
from typing import Any

from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.routes import MULTI_MODEL, ROUTES, Route
from lading.functions.inference.app.openapi_bodies import body_of
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import ModelMetadata

_SUMMARIES = MappingProxyType(
    {
        ("open_inference", "server_metadata"): "Server metadata",
        ("open_inference", "live"): "Whether the server is alive",
        ("open_inference", "ready"): "Whether every model is ready",
        ("open_inference", "model_metadata"): "Model metadata",
        ("open_inference", "model_ready"): "Whether a model is ready",
        ("open_inference", "config"): "Model configuration",
        ("open_inference", "statistics"): "What has been answered, in what time",
        ("open_inference", "index"): "Index of the models",
        ("open_inference", "load"): "Load a model, where there is a folder of them",
        ("open_inference", "unload"): "Unload a model, where there is a folder of them",
        ("open_inference", "infer"): "Infer, Open Inference Protocol v2",
        ("tensorflow_serving", "predict"): "Predict, TensorFlow Serving",
        ("tensorflow_serving", "classify"): "Classify examples",
        ("tensorflow_serving", "regress"): "Regress examples",
        ("tensorflow_serving", "models"): "List the models, as OpenAI does",
        ("tensorflow_serving", "status"): "Model status: TensorFlow Serving's, OpenAI's, KServe's",
        ("tensorflow_serving", "metadata"): "Model metadata",
        ("plain", "predict"): "Predict",
        ("torchserve", "predict"): "Predict, TorchServe",
        ("torchserve", "explain"): "Explain, which no model here does",
        ("open_inference", "generate"): "Text from a language model",
        ("open_inference", "generate_stream"): "Text from a language model, as it is made",
        ("openai", "chat"): "Chat completions of a language model",
        ("openai", "complete"): "Text completions of a language model",
        ("openai", "embed"): "Embeddings of text or of tokens",
        ("sagemaker", "ping"): "Whether every model is ready, SageMaker",
        ("sagemaker", "invoke"): "Infer, SageMaker",
    }
)


_OF_ONE_MODEL = ("plain", "sagemaker")
_OF_LANGUAGE_MODELS = ("chat", "complete", "generate", "generate_stream")


def data_plane_paths(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Path items of every dialect's routes, with examples for the first model that is ready."""
    example = _first_ready(catalog)
    several = len(catalog.names()) > 1
    speaks = not all(predictor.metadata.outputs for predictor in catalog.predictors())
    paths: dict[str, dict[str, Any]] = {}
    for dialect, routes in ROUTES.items():
        for route in routes:
            if route in MULTI_MODEL:
                continue  # SageMaker's own business
            if several and "{model}" not in route.template and dialect in _OF_ONE_MODEL:
                continue  # it would not say which model
            if route.operation in _OF_LANGUAGE_MODELS and not speaks:
                continue
            paths.setdefault(route.template, {})[route.method.lower()] = _operation(
                dialect, route, catalog, example
            )
    return paths


def _first_ready(catalog: Catalog) -> ModelMetadata | None:
    for found in catalog.models():
        predictor = found.versions.get(found.default_version())
        if predictor is not None and not isinstance(predictor, ModelUnavailable):
            return predictor.metadata
    return None


def _operation(
    dialect: str, route: Route, catalog: Catalog, example: ModelMetadata | None
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [dialect],
        "summary": _SUMMARIES[dialect, route.operation],
        "operationId": _operation_id(dialect, route),
        "parameters": [
            _parameter(part[1:].partition("}")[0], catalog)
            for part in route.template.split("/")
            if part.startswith("{")
        ],
        "responses": {
            "200": {"description": "The answer", "content": _json({"type": "object"})},
            "default": {"description": "What is wrong", "content": _json(_error_schema())},
        },
    }
    if route.method in ("POST", "PUT"):
        content = body_of(dialect, route.operation, example)
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _operation_id(dialect: str, route: Route) -> str:
    at = "_at_version" if "{version}" in route.template else ""
    at = "_at_label" if "{label}" in route.template else at
    at += "_put" if route.method == "PUT" else ""
    named = "_named" if dialect == "plain" and "{model}" in route.template else ""
    named = "_of_all" if route.template == "/v2/models/stats" else named
    return f"{dialect}_{route.operation}{at}{named}"


def _parameter(name: str, catalog: Catalog) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == "version":
        schema = {"type": "integer", "minimum": 1}
    if name == "model" and catalog.names():
        schema["examples"] = list(catalog.names())
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _error_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"error": {"type": "string"}},
        "required": ["error"],
    }
