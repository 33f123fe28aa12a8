"""The control plane: descriptions of models, the forms of their pages, and the OpenAPI document.

No web framework: FastAPI and pydantic would be a tenth of the runtime layer, for four routes. What
a browser shows of them is in `functions/pages`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lading.functions.contract.dialects.dialect import STRING, Json, fields, split_path
from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.names import VERSION
from lading.functions.contract.routes import CONTROL, find_route
from lading.functions.inference.app.openapi import components, data_plane_paths, tags
from lading.functions.inference.artifact.specification import SERVING_DEFAULT
from lading.functions.inference.dialects import refuse
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation, Request, Response, json_response

_ABOUT = "About the models"

_INTRODUCTION = """\
Every dialect asks the same models: choose the one that your client speaks. On this machine no \
authorization is needed. A deployed API wants a bearer token, or requests that are signed for AWS, \
as its stage says."""

_SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of a stage with `auth: token`; `lading tokens create` makes one.",
    },
    "sigv4": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": "Requests that an AWS client signs, for a stage with `auth: iam`.",
    },
}
"""How a deployed API knows its callers."""

_TENSORS: Json = {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}}
_NUMBER: Json = {"type": "integer", "minimum": 1}

_SCHEMAS: Json = {
    "Tensor": {
        "description": "An input or an output; -1 in a shape is any size.",
        **fields(
            *("name", "datatype", "shape"),
            name=STRING,
            datatype=STRING,
            shape={"type": "array", "items": {"type": "integer"}},
        ),
    },
    "Version": {
        "description": "One served version of a model; one that is not ready has a reason.",
        **fields(
            *("version", "ready", "reason", "labels", "inputs", "outputs"),
            version=_NUMBER,
            ready={"type": "boolean"},
            reason={"type": ["string", "null"]},
            labels={"type": "array", "items": STRING},
            inputs=_TENSORS,
            outputs=_TENSORS,
            signatures={
                "type": "array",
                "description": "Where it has more than one; the first is the default.",
                "items": {"$ref": "#/components/schemas/Signature"},
            },
            classes={
                "type": "object",
                "description": "The names of the columns of outputs that are scores of classes.",
                "additionalProperties": {"type": "array", "items": STRING},
            },
        ),
    },
    "Signature": {
        "description": "A set of inputs and outputs of a model, as in TensorFlow Serving.",
        **fields(
            *("name", "method", "inputs", "outputs"),
            name=STRING,
            method=STRING,
            inputs=_TENSORS,
            outputs=_TENSORS,
        ),
    },
    "Model": {
        "description": "A served model.",
        **fields(
            *("name", "default_version", "versions"),
            name=STRING,
            default_version=_NUMBER,
            versions={"type": "array", "items": {"$ref": "#/components/schemas/Version"}},
            split={
                "type": "object",
                "description": "Version -> percent of the keys, if several versions answer.",
                "additionalProperties": {"type": "number"},
            },
        ),
    },
}
"""Schemas of the pages about models."""


def answer(request: Request, catalog: Catalog, observation: Observation) -> Response:
    """Answer one request of the control plane."""
    with Boundary(observation) as boundary:
        segments = split_path(request.path)
        route, parameters = find_route(CONTROL, request.method, request.path, segments)
        return _PAGES[route.operation](catalog, **parameters)
    return refuse(boundary.refusal, request.path)


def describe_service(catalog: Catalog) -> dict[str, Any]:
    """Return the OpenAPI document: every dialect's routes, and the descriptions of models.

    Below a model's base URL it is that model's own document.
    """
    model = {"$ref": "#/components/schemas/Model"}
    models = {"type": "array", "items": model}
    named = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    names = catalog.names()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": names[0] if len(names) == 1 else "Models served by Lading",
            "version": VERSION,
            "description": _INTRODUCTION,
        },
        "servers": [{"url": "."}],
        "security": [{}, *({scheme: []} for scheme in _SECURITY)],
        "tags": [*tags(catalog), {"name": _ABOUT}],
        "paths": {
            **data_plane_paths(catalog),
            "/models": _operation("models", "List the models served here", models),
            "/models/{model}": _operation("model", "Describe one model", model, named),
        },
        "components": {
            "schemas": {**_SCHEMAS, **components(catalog)},
            "securitySchemes": _SECURITY,
        },
    }


def _operation(
    identity: str, summary: str, schema: dict[str, Any], *parameters: dict[str, Any]
) -> dict[str, Any]:
    """Return a path item with GET alone."""
    content = {"application/json": {"schema": schema}}
    operation = {
        "tags": [_ABOUT],
        "summary": summary,
        "operationId": identity,
        "parameters": list(parameters),
        "responses": {"200": {"description": "The answer", "content": content}},
    }
    return {"get": operation}


def _list_models(catalog: Catalog) -> Response:
    return json_response([_describe(model) for model in catalog.models()])


def _show_model(catalog: Catalog, model: str) -> Response:
    return json_response(_describe(catalog.model(model)))


def _show_form(catalog: Catalog, model: str) -> Response:
    from lading.functions.inference.app.form import describe_form

    return json_response(describe_form(catalog.model(model)))


def _show_openapi(catalog: Catalog) -> Response:
    return json_response(describe_service(catalog))


_PAGES: Mapping[str, Callable[..., Response]] = {
    "list": _list_models,
    "describe": _show_model,
    "form": _show_form,
    "openapi": _show_openapi,
}
"""Operation -> what makes the page of a catalog, from the path's parameters."""


def _describe(model: CatalogModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "default_version": model.default_version(),
        "versions": [_describe_version(model, version) for version in sorted(model.versions)],
        **({"split": dict(model.split.percents)} if model.split else {}),
    }


def _describe_version(model: CatalogModel, version: int) -> dict[str, Any]:
    found = model.versions[version]
    labels = sorted(label for label, at in model.labels.items() if at == version)
    described = {"version": version, "ready": True, "reason": None, "labels": labels}
    if isinstance(found, ModelUnavailable):
        silent = {"ready": False, "reason": found.reason, "inputs": [], "outputs": []}
        return described | silent
    signatures = found.signatures
    named = [
        {"name": name, "method": each.metadata.method, **_tensors(each.metadata)}
        for name, each in signatures.items()
    ]
    several = {"signatures": named} if {*signatures} != {SERVING_DEFAULT} else {}
    classes = {"classes": dict(found.classes)} if found.classes else {}
    return {**described, **_tensors(found.metadata), **several, **classes}


def _tensors(metadata: ModelMetadata) -> dict[str, Any]:
    return {
        "inputs": [spec.to_json() for spec in metadata.inputs],
        "outputs": [spec.to_json() for spec in metadata.outputs],
    }
