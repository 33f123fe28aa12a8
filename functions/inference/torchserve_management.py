"""TorchServe's management API, on a port of its own: register, describe, scale, unregister.

Models lie in the server's folder; `url` names a folder below it, and nothing is fetched. A worker
is a thread that predicts, and all models share them: scaling is noted and told, and changes no
more than that. Routes, texts and statuses: https://pytorch.org/serve/management_api.html and its
front end's sources (`http/api/rest/ManagementRequestHandler.java`).
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from functions.inference import json_codec
from functions.inference.asgi import App, Receive, Scope, Send
from functions.inference.catalog import Catalog, CatalogModel, Control
from functions.inference.dialects import torchserve
from functions.inference.errors import (
    InferenceError,
    InternalFailure,
    MalformedRequest,
    MethodNotAllowed,
    ModelConflict,
    RouteNotFound,
    brief,
)
from functions.inference.exchange import Call, Observation, Request, Response
from functions.inference.sending import start_message

_MOST_FIELDS = 32
_LIMIT = 100
_MOST_WORKERS = 1024
_FORBIDDEN, _ACCEPTED = 403, 202

Query = Mapping[str, str]


def create_management(catalog: Catalog, control: Control) -> App:
    """The application that manages `catalog`; it is for who runs the server, not for callers."""
    management = _Management(catalog, control)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} connections are not served")
        while (await receive()).get("more_body", False):
            pass  # nothing is read from a body
        response = management.answer(scope["method"], scope["path"], scope["query_string"])
        length = {"content-length": str(len(response.body))}
        await send(start_message(response, length))
        await send({"type": "http.response.body", "body": response.body})

    return application


class _Management:
    def __init__(self, catalog: Catalog, control: Control) -> None:
        self._catalog, self._control = catalog, control
        self._workers: dict[str, int] = {}
        self._started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())

    def answer(self, method: str, path: str, query: bytes) -> Response:
        """Answer one request; what is wrong is TorchServe's triple."""
        try:
            respond = self._find(method, path)
            return respond(_read_query(query))
        except ModelConflict as error:
            return _conflict(error)
        except InferenceError as error:
            return torchserve.error_response(error)
        except Exception:  # noqa: BLE001 a fault of ours must not end the server
            return torchserve.error_response(InternalFailure())

    def _find(self, method: str, path: str) -> Callable[[Query], Response]:
        """What answers a method at a path.

        Raises:
            RouteNotFound, MethodNotAllowed: nothing does.
        """
        first, *rest = path.strip("/").split("/")
        if first != "models" or not all(rest):
            raise RouteNotFound(method, path)
        routes: dict[str, Callable[[Query], Response]]
        match rest:
            case []:
                routes = {"GET": self._list, "POST": self._register}
            case [name]:
                routes = self._of_version(name, "")
            case [name, version]:
                routes = self._of_version(name, version)
            case [name, version, "set-default"]:
                routes = {"PUT": lambda _: self._set_default(name, version)}
            case _:
                raise RouteNotFound(method, path)
        if method not in routes:
            raise MethodNotAllowed(method, path, routes)
        return routes[method]

    def _of_version(self, name: str, version: str) -> dict[str, Callable[[Query], Response]]:
        return {
            "GET": lambda _: self._describe(name, version),
            "PUT": lambda query: self._scale(name, version, query),
            "DELETE": lambda _: self._unregister(name, version),
        }

    def _list(self, query: Query) -> Response:
        limit = _number(query, "limit", _LIMIT, 1)
        start = _number(query, "next_page_token", 0, 0)
        names = self._catalog.names()
        page = names[start : start + limit]
        models = [{"modelName": name, "modelUrl": self._url(name)} for name in page]
        more = {"nextPageToken": str(start + limit)} if start + limit < len(names) else {}
        return _json({**more, "models": models})

    def _register(self, query: Query) -> Response:
        url, name = query.get("url", ""), query.get("model_name", "")
        if not url and not name:
            raise MalformedRequest("Parameter url is required.")
        if name in self._catalog.names():
            raise ModelConflict(name, f"Model {brief(name)} is already registered.")
        place = "" if url in self._control.available() else url
        model = self._control.load(name or url.strip("/").rpartition("/")[2], place)
        workers = _number(query, "initial_workers", 1, 0)
        self._workers[model.name] = max(1, workers)
        version = model.default_version()
        return _status(
            f'Model "{model.name}" Version: {version} registered with '
            f"{self._workers[model.name]} initial workers"
        )

    def _describe(self, name: str, version: str) -> Response:
        model = self._catalog.model(name)
        every = version == "all"
        versions = sorted(model.versions) if every else [self._version(name, version)]
        return _json([self._described(model, each) for each in versions])

    def _described(self, model: CatalogModel, version: int) -> dict[str, Any]:
        count = self._workers.get(model.name, 1)
        ready = "READY" if model.ready(version) else "UNLOADING"
        return {
            "modelName": model.name,
            "modelVersion": str(version),
            "modelUrl": self._url(model.name),
            "engine": "ONNX",
            "runtime": "python",
            "minWorkers": count,
            "maxWorkers": count,
            "batchSize": 1,
            "maxBatchDelay": 0,
            "loadedAtStartup": model.name not in self._workers,
            "workers": [self._worker(9000 + number, ready) for number in range(count)],
            "jobQueueStatus": {"remainingCapacity": 100, "pendingRequests": 0},
        }

    def _worker(self, identity: int, status: str) -> dict[str, Any]:
        return {
            "id": str(identity),
            "startTime": self._started,
            "status": status,
            "memoryUsage": 0,
            "pid": os.getpid(),
            "gpu": False,
            "gpuUsage": "N/A",
        }

    def _scale(self, name: str, version: str, query: Query) -> Response:
        self._version(name, version)
        fewest = _number(query, "min_worker", 1, 1)
        most = _number(query, "max_worker", fewest, 1)
        if most < fewest:
            raise MalformedRequest("max_worker cannot be less than min_worker.")
        self._workers[name] = most
        if query.get("synchronous", "false").lower() == "true":
            return _status(f"Workers scaled to {most} for model: {name}")
        return _status("Processing worker updates...", _ACCEPTED)

    def _set_default(self, name: str, version: str) -> Response:
        found = self._version(name, version)
        self._control.set_default(name, found)
        return _status(f'Default version successfully updated for model "{name}" to "{found}"')

    def _unregister(self, name: str, version: str) -> Response:
        found = self._version(name, version) if version else None
        self._control.unload(name, found)
        self._workers.pop(name, None)
        return _status(f'Model "{name}" unregistered')

    def _version(self, name: str, version: str) -> int:
        """The version that a path means.

        Raises:
            NotFound: it is not served.
        """
        parameters = {"model": name, **({"version": version} if version else {})}
        request = Request("GET", "/", {}, b"")
        call = torchserve.named_version(Call(request, self._catalog, parameters, Observation()))
        return call.find_version()[1]

    def _url(self, name: str) -> str:
        return self._control.places().get(name, name)


def _conflict(error: ModelConflict) -> Response:
    """A version that must stay is forbidden to go; a model that is there is a conflict."""
    if "default" in error.reason:
        text, status = f"Cannot remove default version for model {error.name}", _FORBIDDEN
        kind = "InvalidModelVersionException"
    else:
        text, status, kind = error.reason, 409, "ConflictStatusException"
    return _json({"code": status, "type": kind, "message": text}, status)


def _read_query(query: bytes) -> Query:
    try:
        fields = parse_qs(query.decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise MalformedRequest(f"more than {_MOST_FIELDS} parameters") from error
    return {name: values[0] for name, values in fields.items()}


def _number(query: Query, name: str, default: int, fewest: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and fewest <= int(text[:9]) <= _MOST_WORKERS):
        raise MalformedRequest(f"{name} must be a number from {fewest} to {_MOST_WORKERS}")
    return int(text)


def _status(text: str, status: int = 200) -> Response:
    return _json({"status": text}, status)


def _json(document: Any, status: int = 200) -> Response:
    return Response(status, json_codec.dumps(document))
