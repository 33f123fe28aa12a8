"""The data plane in OpenAPI's words: what `routes.ROUTES` serves, with bodies to try.

The dialects are plain ASGI; this describes them for people and for generated clients.
"""

from math import prod
from types import MappingProxyType
from typing import Any

from functions.inference.artifact import TensorSpec
from functions.inference.catalog import Catalog
from functions.inference.errors import ModelUnavailable
from functions.inference.predictor import ModelMetadata
from functions.inference.routes import ROUTES, Route

_SUMMARIES = MappingProxyType(
    {
        ("open_inference", "server_metadata"): "Server metadata",
        ("open_inference", "live"): "Whether the server is alive",
        ("open_inference", "ready"): "Whether every model is ready",
        ("open_inference", "model_metadata"): "Model metadata",
        ("open_inference", "model_ready"): "Whether a model is ready",
        ("open_inference", "infer"): "Infer, Open Inference Protocol v2",
        ("tensorflow_serving", "predict"): "Predict, TensorFlow Serving",
        ("tensorflow_serving", "status"): "Model status",
        ("tensorflow_serving", "metadata"): "Model metadata",
        ("plain", "predict"): "Predict",
        ("sagemaker", "ping"): "Whether every model is ready, SageMaker",
        ("sagemaker", "invoke"): "Infer, SageMaker",
    }
)

_MOST_NUMBERS = 256

_ANY_TENSOR = MappingProxyType({"description": "A value, or nested lists of values"})


def data_plane_paths(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Path items of every dialect's routes, with examples for the first model that is ready."""
    example = _first_ready(catalog)
    several = len(catalog.names()) > 1
    paths: dict[str, dict[str, Any]] = {}
    for dialect, routes in ROUTES.items():
        for route in routes:
            if several and route.template in ("/predict", "/invocations"):
                continue  # it would not say which model
            paths.setdefault(route.template, {})[route.method.lower()] = _operation(
                dialect, route, catalog, example
            )
    return paths


def _first_ready(catalog: Catalog) -> ModelMetadata | None:
    for name in catalog.names():
        found = catalog.model(name)
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
    if route.method == "POST":
        body = _json(_BODIES[dialect])
        if example is not None and _is_small(example):
            body["application/json"]["example"] = _example(dialect, example)
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _operation_id(dialect: str, route: Route) -> str:
    at = "_at_version" if "{version}" in route.template else ""
    at = "_at_label" if "{label}" in route.template else at
    named = "_named" if dialect == "plain" and "{model}" in route.template else ""
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


_TENSOR = MappingProxyType(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
        "required": ["name", "datatype", "shape"],
    }
)

_INFER = MappingProxyType(
    {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": dict(_TENSOR), "minItems": 1},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["inputs"],
    }
)

_BODIES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "plain": {
            "type": "object",
            "properties": {"inputs": dict(_ANY_TENSOR)},
            "required": ["inputs"],
            "additionalProperties": False,
        },
        "tensorflow_serving": {
            "type": "object",
            "properties": {
                "signature_name": {"type": "string"},
                "instances": {"type": "array", "minItems": 1},
                "inputs": dict(_ANY_TENSOR),
            },
            "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
        },
        "open_inference": dict(_INFER),
        "sagemaker": dict(_INFER),
    }
)


def _is_small(metadata: ModelMetadata) -> bool:
    """Whether an example is for eyes: that of an image would be megabytes of zeros."""
    return all(prod(_shape(spec)) <= _MOST_NUMBERS for spec in metadata.inputs)


def _example(dialect: str, metadata: ModelMetadata) -> dict[str, Any]:
    """A request that the model takes: zeros, or empty strings, for a batch of one."""
    if dialect in ("open_inference", "sagemaker"):
        return {"inputs": [_example_tensor(spec) for spec in metadata.inputs]}
    values = {spec.name: _nested(_value(spec), _shape(spec)) for spec in metadata.inputs}
    return {"inputs": next(iter(values.values())) if len(values) == 1 else values}


def _example_tensor(spec: TensorSpec) -> dict[str, Any]:
    shape = _shape(spec)
    flat = _nested(_value(spec), shape)
    for _ in shape[1:]:
        flat = [item for row in flat for item in row]
    return {"name": spec.name, "datatype": spec.datatype, "shape": shape, "data": flat}


def _shape(spec: TensorSpec) -> list[int]:
    return [1 if size == -1 else size for size in spec.shape]


def _value(spec: TensorSpec) -> Any:
    return {"BYTES": "", "BOOL": False}.get(spec.datatype, 0)


def _nested(value: Any, shape: list[int]) -> Any:
    for size in reversed(shape):
        value = [value] * size
    return value
