"""TorchServe's management API, on a separate port: register, describe, scale, unregister.

It is a FastAPI application, which documents itself at `/docs`; it never runs on Lambda. Models are
in the server's folder: `url` names a folder below it, and nothing is downloaded. All models share
the server's threads, so there are no workers of one model to count or to scale. A description has
only what is known of this process: TorchServe's other fields (`batchSize`, `memoryUsage`,
`gpuUsage`, `jobQueueStatus` and more) are left out.
Routes, texts and statuses: https://pytorch.org/serve/management_api.html and its front end's
sources (`http/api/rest/ManagementRequestHandler.java`).
"""

import os
import time
from typing import Annotated, Any, NoReturn

from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.responses import Response as HttpResponse
from starlette.exceptions import HTTPException

from lading.functions.contract.dialects.torchserve import refuse
from lading.functions.contract.errors import (
    InferenceError,
    InternalFailure,
    MalformedRequest,
    MethodNotAllowed,
    ModelConflict,
    RouteNotFound,
    Unsupported,
    brief,
)
from lading.functions.contract.names import VERSION
from lading.functions.inference.dialects import torchserve
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, Control
from lading.functions.inference.models.call import Call
from lading.functions.inference.wire.messages import Observation
from lading.functions.inference.wire.messages import Request as ServiceRequest

_MOST_WORKERS = 1024
_LONGEST = 1024
_FORBIDDEN, _NOT_FOUND, _CONFLICT = 403, 404, 409

Name = Annotated[str, Path(max_length=_LONGEST)]
Text = Annotated[str, Query(max_length=_LONGEST)]
Workers = Annotated[int, Query(ge=1, le=_MOST_WORKERS)]


def create_management(catalog: Catalog, control: Control) -> FastAPI:
    """Return the application that manages `catalog`; for operators, not for callers."""
    app = FastAPI(title="Lading: TorchServe's management API", version=VERSION, redoc_url=None)
    management = _Management(catalog, control)
    for method, path, answer in (
        ("GET", "/models", management.list_models),
        ("POST", "/models", management.register),
        ("GET", "/models/{name}", management.describe),
        ("PUT", "/models/{name}", management.scale),
        ("DELETE", "/models/{name}", management.unregister),
        ("GET", "/models/{name}/{version}", management.describe),
        ("PUT", "/models/{name}/{version}", management.scale),
        ("DELETE", "/models/{name}/{version}", management.unregister),
        ("PUT", "/models/{name}/{version}/set-default", management.set_default),
    ):
        app.add_api_route(path, answer, methods=[method], response_model=None)
    for kind in (InferenceError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _refuse)
    return app


class _Management:
    """Each public method answers a route; FastAPI reads its parameters from path and query."""

    def __init__(self, catalog: Catalog, control: Control) -> None:
        self._catalog, self._control = catalog, control
        self._at_startup = {*catalog.names()}
        self._started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())

    def list_models(
        self,
        limit: Annotated[int, Query(ge=1, le=1024)] = 100,
        next_page_token: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
    ) -> dict[str, Any]:
        """List the registered models, a page at a time."""
        names = self._catalog.names()
        end = next_page_token + limit
        page = names[next_page_token:end]
        models = [{"modelName": name, "modelUrl": self._url(name)} for name in page]
        return {**({"nextPageToken": str(end)} if end < len(names) else {}), "models": models}

    def register(self, url: Text = "", model_name: Text = "") -> dict[str, str]:
        """Register a model from the server's folder."""
        if not url and not model_name:
            raise MalformedRequest("Parameter url is required.")
        if model_name in self._catalog.names():
            reason = f"Model {brief(model_name)} is already registered."
            raise ModelConflict(model_name, reason)
        place = "" if url in self._control.available() else url
        model = self._control.load(model_name or url.strip("/").rpartition("/")[2], place)
        version = model.default_version()
        return {"status": f'Model "{model.name}" Version: {version} registered'}

    def describe(self, name: Name, version: str = "") -> list[dict[str, Any]]:
        """Describe a version of a model: the default one, the one named, or `all`."""
        model = self._catalog.model(name)
        every = version == "all"
        versions = sorted(model.versions) if every else [self._version(name, version)]
        return [self._described(model, each) for each in versions]

    def scale(
        self,
        name: Name,
        version: str = "",
        min_worker: Workers = 1,
        max_worker: Workers = _MOST_WORKERS,
    ) -> NoReturn:
        """Refuse to scale a model's workers."""
        self._version(name, version)
        if max_worker < min_worker:
            raise MalformedRequest("max_worker cannot be less than min_worker.")
        raise Unsupported("Workers cannot be scaled: all models share the threads of the server.")

    def set_default(self, name: Name, version: str) -> dict[str, str]:
        """Make a version the one that answers when none is named."""
        found = self._version(name, version)
        self._control.set_default(name, found)
        return {"status": f'Default version successfully updated for model "{name}" to "{found}"'}

    def unregister(self, name: Name, version: str = "") -> dict[str, str]:
        """Unregister a model, or a version of it that is not the default."""
        self._control.unload(name, self._version(name, version) if version else None)
        if name not in self._catalog.names():
            self._at_startup.discard(name)
        return {"status": f'Model "{name}" unregistered'}

    def _described(self, model: CatalogModel, version: int) -> dict[str, Any]:
        status = "READY" if model.ready(version) else "UNLOADING"
        return {
            "modelName": model.name,
            "modelVersion": str(version),
            "modelUrl": self._url(model.name),
            "loadedAtStartup": model.name in self._at_startup,
            "workers": [{"startTime": self._started, "status": status, "pid": os.getpid()}],
        }

    def _version(self, name: str, version: str) -> int:
        """Return the version that a path names.

        Raises:
            NotFound: it is not served.
        """
        parameters = {"model": name, **({"version": version} if version else {})}
        request = ServiceRequest("GET", "/", {}, b"")
        call = torchserve.named_version(Call(request, self._catalog, parameters, Observation()))
        return call.find_version()[1]

    def _url(self, name: str) -> str:
        return self._control.places().get(name, name)


def _refuse(request: Request, error: Exception) -> HttpResponse:
    """Return the answer to an error, with TorchServe's code, type and message."""
    if isinstance(error, ModelConflict):
        return _conflict(error)
    status, document, headers = refuse(_explain(request, error), request.url.path)
    return JSONResponse(document, status, headers)


def _explain(request: Request, error: Exception) -> InferenceError:
    """Return an error of FastAPI's as one of Lading's."""
    path = request.url.path
    match error:
        case InferenceError():
            return error
        case RequestValidationError():
            detail = error.errors()[0]
            return MalformedRequest(f"{detail['loc'][-1]}: {detail['msg']}")
        case HTTPException(status_code=404):
            return RouteNotFound(request.method, path)
        case HTTPException():
            allowed = (error.headers or {}).get("Allow", "")
            return MethodNotAllowed(request.method, path, allowed.split(", "))
        case _:
            return InternalFailure()


def _conflict(error: ModelConflict) -> JSONResponse:
    """403 for a version that must not be removed, 409 for a model that is registered already."""
    if "default" in error.reason:
        text, status = f"Cannot remove default version for model {error.name}", _FORBIDDEN
        kind = "InvalidModelVersionException"
    else:
        text, status, kind = error.reason, _CONFLICT, "ConflictStatusException"
    return JSONResponse({"code": status, "type": kind, "message": text}, status)
