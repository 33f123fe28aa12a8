"""The inference service as an ASGI application.

The dialects answer the data plane in plain ASGI: at a cold start, importing a web framework would
take longer than importing this whole package. The control plane (lists of models, OpenAPI, `/docs`)
is imported at its first request. Without an executor nothing waits once the body has been read, so
no event loop is needed (`handler.py`).
"""

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING

from lading.functions.contract.dialects.dialect import Dialect, split_path
from lading.functions.contract.dialects.sagemaker import MULTI_MODEL
from lading.functions.contract.errors import CallerGone, InferenceError, RequestTooLarge
from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.routes import CONTROL, dialect_of, find_route
from lading.functions.inference.dialects import find_operations, refuse
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Call, answer_at_once
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import (
    ANSWERED_BY,
    OBSERVATION,
    Observation,
    Request,
    Response,
    StreamedResponse,
    read_headers,
)
from lading.functions.inference.wire.sending import send_stream, start_message

if TYPE_CHECKING:
    from lading.functions.inference.endpoint.job_store import EngineWork

Answerer = Callable[[Request, Catalog, Observation, int], Response | StreamedResponse]
"""Answers one request below a base URL; the number is the longest body in bytes."""


def create_app(
    catalog: Catalog,
    *,
    longest_body: int = GATEWAY.body_bytes,
    executor: Executor | None = None,
    respond: Answerer | None = None,
) -> App:
    """Return the application that serves `catalog` in every dialect, at the root and per model.

    Args:
        catalog: the models.
        longest_body: the longest body in bytes.
        executor: threads for all that is not a mere look-up, so that predictions and loading do
            not block health checks; None answers in the event loop, for an environment that gets
            one request at a time.
        respond: answers the requests instead of `answer`; see `service.py`.
    """
    respond = respond or answer

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} connections are not served")
        below = scope["path"].removeprefix(scope.get("root_path", ""))  # of what mounts it
        served, path = split_base(below, catalog)
        observation = scope.setdefault(OBSERVATION, Observation())
        try:
            body = await _read_body(receive, longest_body)
            request = Request(scope["method"], path, read_headers(scope["headers"]), body)
            work = partial(respond, request, served, observation, longest_body)
            if executor is None or _is_looked_up(request):
                response = work()
            else:
                from lading.functions.inference.entry.turns import in_turn

                response = await in_turn(work, receive, executor)
        except CallerGone as error:
            observation.error = error
            return
        if isinstance(response, Response):
            await _send(response, request, send)
        else:
            await send_stream(response, observation, receive, send, executor)

    return application


def answer(
    request: Request,
    catalog: Catalog,
    observation: Observation,
    longest_body: int = GATEWAY.body_bytes,
    work: "EngineWork | None" = None,
) -> Response | StreamedResponse:
    """Answer one request; every failure becomes an error of its dialect.

    `work` is what an asynchronous endpoint has done for the job that the request is in, if any.
    """
    segments = split_path(request.path)
    dialect = find_dialect(segments, catalog)
    if dialect is CONTROL:
        from lading.functions.inference.app import pages

        return pages.answer(request, catalog, observation)
    observation.dialect = dialect.name
    operations = find_operations(dialect.name)
    with Boundary(observation) as boundary:
        request = _unpacked(request, longest_body)
        route, parameters = find_route(dialect, request.method, request.path, segments)
        call = Call(request, catalog, parameters, observation, work)
        response = answer_at_once(operations[route.operation], call)
        return _marked(response, observation.answered_by) if observation.answered_by else response
    return refuse(boundary.refusal, request.path)


def find_dialect(segments: tuple[str, ...], catalog: Catalog) -> Dialect:
    """Return the dialect that owns a path; `/models` is SageMaker's where it loads the models."""
    if segments[0] == "models" and catalog.control is not None and catalog.control.multi_model:
        return MULTI_MODEL
    return dialect_of(segments)


def _is_looked_up(request: Request) -> bool:
    """Return whether the answer is in memory already."""
    segments = split_path(request.path)
    dialect = dialect_of(segments)
    try:
        route, _ = find_route(dialect, request.method, request.path, segments)
    except InferenceError:
        return False
    return route.in_memory or (route.method == "GET" and dialect is not CONTROL)


def _unpacked(request: Request, longest: int) -> Request:
    """Return the request with its body decoded, as its Content-Encoding says."""
    if len(request.body) > longest:
        raise RequestTooLarge(longest)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() == "identity" or not request.body:
        return request
    from lading.functions.inference.wire.content_encoding import unpack

    return request._replace(body=unpack(request.body, encoding, longest))


def split_base(path: str, catalog: Catalog) -> tuple[Catalog, str]:
    """Return the models of the base URL that `path` is below, and the path below that."""
    first, _, rest = path.lstrip("/").partition("/")
    only = catalog.below().get(first)
    return (catalog, path) if only is None else (only, f"/{rest}")


async def _read_body(receive: Receive, longest: int) -> bytes:
    """Read the body; of one that is too long keep only enough to show that.

    Raises:
        CallerGone: the caller disconnects before it is complete.
    """
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone("the body was complete")
        if size <= longest:
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        if not message.get("more_body", False):
            return b"".join(chunks)


def _marked(response: Response | StreamedResponse, answered_by: str) -> Response | StreamedResponse:
    return response._replace(headers={**response.headers, ANSWERED_BY: answered_by})


async def _send(response: Response, request: Request, send: Send) -> None:
    await send(start_message(response, {"content-length": str(len(response.body))}))
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})
