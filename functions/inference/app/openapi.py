"""The paths of the OpenAPI document, made from the dialects' records, with requests to try."""

from collections.abc import Mapping
from math import prod
from typing import Any, Final

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.dialects.dialect import (
    FEATURES,
    MODEL,
    TENSORS,
    VALUES,
    Dialect,
    Route,
)
from lading.functions.contract.errors import InternalFailure, ModelUnavailable
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import ModelMetadata

_MOST_NUMBERS: Final = 256
"""Numbers in an example, which is for people to read: an image would be megabytes of zeros."""


def data_plane_paths(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Path items of every dialect's routes, with examples for the first model that is ready."""
    example = _first_ready(catalog)
    several = len(catalog.names()) > 1
    speaks = not all(predictor.metadata.outputs for predictor in catalog.predictors())
    paths: dict[str, dict[str, Any]] = {}
    for dialect in DIALECTS:
        for route in dialect.routes:
            if several and route.at_root == "only" and "{model}" not in route.template:
                continue  # it would not say which model
            if route.language_model and not speaks:
                continue
            operation = _operation(dialect, route, catalog, example)
            paths.setdefault(route.template, {})[route.method.lower()] = operation
    return paths


def _first_ready(catalog: Catalog) -> ModelMetadata | None:
    for found in catalog.models():
        predictor = found.versions.get(found.default_version())
        if predictor is not None and not isinstance(predictor, ModelUnavailable):
            return predictor.metadata
    return None


def _operation(
    dialect: Dialect, route: Route, catalog: Catalog, example: ModelMetadata | None
) -> dict[str, Any]:
    _, error, _ = dialect.refuse(InternalFailure(), route.template)
    wrong = {"schema": {"type": "object", "required": [*error]}, "example": error}
    answer = {"schema": {}} if route.answer is None else {"schema": {}, "example": route.answer}
    operation: dict[str, Any] = {
        "tags": [dialect.name],
        "summary": route.summary,
        "operationId": _operation_id(dialect, route),
        "parameters": [
            _parameter(part[1:].partition("}")[0], catalog)
            for part in route.template.split("/")
            if part.startswith("{")
        ],
        "responses": {
            "200": {"description": "The answer", "content": {"application/json": answer}},
            "default": {"description": "The error", "content": {"application/json": wrong}},
        },
    }
    if route.request is not None:
        content = {"application/json": _body(route, example)}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _operation_id(dialect: Dialect, route: Route) -> str:
    named = "{model}" in route.template and any(
        each.operation == route.operation and "{model}" not in each.template
        for each in dialect.routes
    )
    suffixes = {
        "_at_version": "{version}" in route.template,
        "_at_label": "{label}" in route.template,
        "_put": route.method == "PUT",
        "_named": named,
    }
    return f"{dialect.name}_{route.operation}" + "".join(it for it, has in suffixes.items() if has)


def _parameter(name: str, catalog: Catalog) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == "version":
        schema = {"type": "integer", "minimum": 1}
    if name == "model" and catalog.names():
        schema["examples"] = list(catalog.names())
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _body(route: Route, model: ModelMetadata | None) -> dict[str, Any]:
    """Return a request's body: its schema, with an example where one of the model's is short."""
    body: dict[str, Any] = {"schema": route.request}
    if route.example is not None and model is not None and _is_small(model):
        body["example"] = _filled(route.example, model)
    return body


def _is_small(metadata: ModelMetadata) -> bool:
    return all(prod(_shape(spec)) <= _MOST_NUMBERS for spec in metadata.inputs)


def _filled(example: Any, model: ModelMetadata) -> Any:
    """Return an example with a model's own values in place of its placeholders."""
    if isinstance(example, Mapping):
        return {key: _filled(value, model) for key, value in example.items()}
    if not isinstance(example, str):
        return example
    placeholders = {VALUES: _values, TENSORS: _tensors, FEATURES: _features, MODEL: _name}
    return placeholders[example](model) if example in placeholders else example


def _name(model: ModelMetadata) -> str:
    return model.name


def _values(model: ModelMetadata) -> Any:
    """Zeros or empty strings, for a batch of one: a bare value, or several by name."""
    values = {spec.name: _nested(_value(spec), _shape(spec)) for spec in model.inputs}
    return next(iter(values.values())) if len(values) == 1 else values


def _tensors(model: ModelMetadata) -> list[dict[str, Any]]:
    return [
        {
            "name": spec.name,
            "datatype": spec.datatype,
            "shape": _shape(spec),
            "data": [_value(spec)] * prod(_shape(spec)),
        }
        for spec in model.inputs
    ]


def _features(model: ModelMetadata) -> list[dict[str, Any]]:
    return [{spec.name: [_value(spec)] * prod(_shape(spec)[1:]) for spec in model.inputs}]


def _shape(spec: TensorSpec) -> list[int]:
    return [1 if size == -1 else size for size in spec.shape]


def _value(spec: TensorSpec) -> Any:
    return {"BYTES": "", "BOOL": False}.get(spec.datatype, 0)


def _nested(value: Any, shape: list[int]) -> Any:
    for size in reversed(shape):
        value = [value] * size
    return value
