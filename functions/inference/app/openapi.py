"""The paths of the OpenAPI document, made from the dialects' records, with requests to try."""

from collections.abc import Mapping
from math import prod
from typing import Any, Final, NamedTuple

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
from lading.functions.inference.app.form import example_of
from lading.functions.inference.app.openapi_bodies import answer_of, request_of, schemas_of
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import ModelMetadata, Predictor

_MOST_NUMBERS: Final = 256
"""Numbers in an example, which is for people to read: an image would be megabytes of zeros."""


class _Shown(NamedTuple):
    """The model whose examples a document shows.

    Args:
        metadata: its description.
        values: the elements of each input of an example, by name.
        alone: whether it is the only model, so that paths name it and answers have its types.
        explains: whether it can be asked why.
    """

    metadata: ModelMetadata
    values: Mapping[str, list[Any]]
    alone: bool
    explains: bool


def data_plane_paths(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Path items of every dialect's routes, with examples for the first model that is ready.

    Where there is one model, its paths and its answers are described.
    """
    shown = _shown(catalog)
    several = len(catalog.names()) > 1
    speaks = not all(predictor.metadata.outputs for predictor in catalog.predictors())
    paths: dict[str, dict[str, Any]] = {}
    for dialect in _served(catalog):
        for route in dialect.routes:
            if several and route.at_root == "only" and "{model}" not in route.template:
                continue  # it would not say which model
            if route.language_model and not speaks:
                continue
            if shown and shown.alone and (_is_double(dialect, route) or _is_vain(route, shown)):
                continue
            path = route.template
            if shown and shown.alone:
                path = path.replace("{model}", shown.metadata.name)
            operation = _operation(dialect, route, catalog, shown)
            paths.setdefault(path, {})[route.method.lower()] = operation
    return paths


def components(catalog: Catalog) -> dict[str, Any]:
    """Return the schemas of the inputs and outputs of the only model; none where there are more."""
    ready = _first_ready(catalog)
    return schemas_of(ready.metadata) if ready and len(catalog.names()) == 1 else {}


def tags(catalog: Catalog) -> list[dict[str, str]]:
    """Return the dialects that are served as groups of operations, in their order."""
    return [{"name": each.title or each.name} for each in _served(catalog)]


def _served(catalog: Catalog) -> list[Dialect]:
    return [each for each in DIALECTS if each.predicts or catalog.feedback is not None]


def _is_double(dialect: Dialect, route: Route) -> bool:
    """Return whether a route names the only model, and another one need not."""
    short = route.template.replace("/{model}", "")
    bare = (it for it in dialect.routes if it.at_root == "only" and it.template == short)
    return short != route.template and any(bare)


def _is_vain(route: Route, shown: _Shown) -> bool:
    """Return whether the model has no answer to a route."""
    return route.operation == "explain" and not shown.explains


def _first_ready(catalog: Catalog) -> Predictor | None:
    for found in catalog.models():
        predictor = found.versions.get(found.default_version())
        if predictor is not None and not isinstance(predictor, ModelUnavailable):
            return predictor
    return None


def _shown(catalog: Catalog) -> _Shown | None:
    ready = _first_ready(catalog)
    if ready is None:
        return None
    alone = len(catalog.names()) == 1
    return _Shown(ready.metadata, example_of(ready), alone, _explains(ready))


def _explains(predictor: Predictor) -> bool:
    try:
        return predictor.recorded is not None
    except ValueError:
        return False


def _operation(
    dialect: Dialect, route: Route, catalog: Catalog, shown: _Shown | None
) -> dict[str, Any]:
    _, error, _ = dialect.refuse(InternalFailure(), route.template)
    wrong = {"schema": {"type": "object", "required": [*error]}, "example": error}
    operation: dict[str, Any] = {
        "tags": [dialect.title or dialect.name],
        "summary": _summary(route),
        "operationId": _operation_id(dialect, route),
        "parameters": [
            _parameter(part[1:].partition("}")[0], catalog)
            for part in route.template.split("/")
            if part.startswith("{") and not (shown and shown.alone and part.startswith("{model}"))
        ],
        "responses": {
            "200": {
                "description": "The answer",
                "content": {"application/json": _answer(dialect, route, shown)},
            },
            "default": {"description": "The error", "content": {"application/json": wrong}},
        },
    }
    if route.request is not None:
        content = {"application/json": _body(dialect, route, shown)}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _summary(route: Route) -> str:
    at = {"{version}": ", of one version", "{label}": ", of the version with a label"}
    return route.summary + "".join(text for part, text in at.items() if part in route.template)


def _answer(dialect: Dialect, route: Route, shown: _Shown | None) -> dict[str, Any]:
    """Return the content of an answer: typed by the model's signature, or with an example."""
    if shown and shown.alone:
        schema = answer_of(dialect.name, route.operation, shown.metadata)
        if schema is not None:
            return {"schema": schema}
    return {"schema": {}} if route.answer is None else {"schema": {}, "example": route.answer}


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


def _body(dialect: Dialect, route: Route, shown: _Shown | None) -> dict[str, Any]:
    """Return a request's body: its schema, with an example where one of the model's is short."""
    if shown is None:
        return {"schema": route.request}
    own = request_of(dialect.name, route.operation, shown.metadata) if shown.alone else None
    body: dict[str, Any] = {"schema": route.request if own is None else own}
    if route.example is not None and _is_small(shown.metadata):
        body["example"] = _filled(route.example, shown)
    return body


def _is_small(metadata: ModelMetadata) -> bool:
    return all(prod(_shape(spec)) <= _MOST_NUMBERS for spec in metadata.inputs)


def _filled(example: Any, shown: _Shown) -> Any:
    """Return an example with a model's own values in place of its placeholders."""
    if isinstance(example, Mapping):
        return {key: _filled(value, shown) for key, value in example.items()}
    if isinstance(example, list):
        return [_filled(value, shown) for value in example]
    if not isinstance(example, str):
        return example
    placeholders = {VALUES: _values, TENSORS: _tensors, FEATURES: _features, MODEL: _name}
    return placeholders[example](shown) if example in placeholders else example


def _name(shown: _Shown) -> str:
    return shown.metadata.name


def _values(shown: _Shown) -> Any:
    """Usual values, for a batch of one: a bare value, or several by name."""
    values = {
        spec.name: _nested(shown.values[spec.name], _shape(spec)) for spec in shown.metadata.inputs
    }
    return next(iter(values.values())) if len(values) == 1 else values


def _tensors(shown: _Shown) -> list[dict[str, Any]]:
    return [
        {
            "name": spec.name,
            "datatype": spec.datatype,
            "shape": _shape(spec),
            "data": shown.values[spec.name],
        }
        for spec in shown.metadata.inputs
    ]


def _features(shown: _Shown) -> list[dict[str, Any]]:
    return [{spec.name: shown.values[spec.name] for spec in shown.metadata.inputs}]


def _shape(spec: TensorSpec) -> list[int]:
    return [1 if size == -1 else size for size in spec.shape]


def _nested(elements: list[Any], shape: list[int]) -> Any:
    """Return elements as nested lists of a shape."""
    nested = elements
    for size in reversed(shape[1:]):
        nested = [nested[at : at + size] for at in range(0, len(nested), size)]
    return nested if shape else elements[0]
