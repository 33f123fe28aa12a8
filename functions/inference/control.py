"""The control plane, which people see: typed lists of models, OpenAPI and `/docs`.

It is a FastAPI application, built on its first request: its import would triple a cold start.
"""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from functions.inference.catalog import Catalog, CatalogModel
from functions.inference.contract import VERSION
from functions.inference.errors import InferenceError, ModelUnavailable
from functions.inference.openapi import data_plane_paths


class Tensor(BaseModel):
    """An input or an output; -1 in a shape is any size."""

    name: str
    datatype: str
    shape: list[int]


class Version(BaseModel):
    """One served version of a model."""

    version: int
    ready: bool
    reason: str | None = None
    labels: list[str]
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []


class Model(BaseModel):
    """A served model."""

    name: str
    default_version: int
    versions: list[Version]


def create_control(catalog: Catalog) -> FastAPI:
    """The control plane of the models in `catalog`."""
    control = FastAPI(title="Lading", version=VERSION, docs_url=None, redoc_url=None)

    @control.get("/models", tags=["control"], summary="List the models served here")
    async def models() -> list[Model]:
        return [_describe(catalog.model(name)) for name in catalog.names()]

    @control.get("/models/{model}", tags=["control"], summary="Describe one model")
    async def model(model: str) -> Model:
        return _describe(catalog.model(model))

    @control.get("/", include_in_schema=False)
    async def root() -> list[Model]:
        return await models()

    @control.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="openapi.json", title="Lading")

    @control.exception_handler(InferenceError)
    async def not_found(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 404)

    @control.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    _describe_data_plane(control, catalog)
    return control


def _describe_data_plane(control: FastAPI, catalog: Catalog) -> None:
    """Add the dialects' routes, which are no FastAPI routes, to the OpenAPI document."""
    make_schema = control.openapi

    def openapi() -> dict[str, Any]:
        schema = make_schema()
        schema["servers"] = [{"url": "."}]
        schema["paths"] |= data_plane_paths(catalog)
        return schema

    setattr(control, "openapi", openapi)  # noqa: B010 FastAPI's way, which mypy refuses


def _describe(model: CatalogModel) -> Model:
    return Model(
        name=model.name,
        default_version=model.default_version(),
        versions=[_describe_version(model, version) for version in sorted(model.versions)],
    )


def _describe_version(model: CatalogModel, version: int) -> Version:
    labels = sorted(label for label, at in model.labels.items() if at == version)
    found = model.versions[version]
    if isinstance(found, ModelUnavailable):
        return Version(version=version, ready=False, reason=found.reason, labels=labels)
    return Version(
        version=version,
        ready=True,
        labels=labels,
        inputs=[Tensor(**spec.to_json()) for spec in found.metadata.inputs],
        outputs=[Tensor(**spec.to_json()) for spec in found.metadata.outputs],
    )
