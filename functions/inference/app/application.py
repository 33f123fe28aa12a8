"""The inference service as an ASGI application.

The dialects answer the data plane in plain ASGI: at a cold start, importing a web framework would
take longer than importing this whole package. The control plane (lists of models, OpenAPI)
is imported at its first request. Without lanes nothing waits once the body has been read, so
no event loop is needed (`handler.py`).
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from lading.functions.contract.dialects.dialect import Dialect, split_path
from lading.functions.contract.dialects.sagemaker import MULTI_MODEL
from lading.functions.contract.errors import CallerGone, InferenceError, RequestTooLarge
from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.routes import CONTROL, dialect_of, find_route
from lading.functions.inference.dialects import find_operations, refuse
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Answer, Call, Operation, answer_at_once
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.caller import caller_of
from lading.functions.inference.wire.messages import (
    OBSERVATION,
    REFUSAL,
    TRACE,
    Observation,
    Request,
    Response,
    StreamedResponse,
    marks_of,
    read_headers,
)
from lading.functions.inference.wire.sending import send_stream, start_message

if TYPE_CHECKING:
    from lading.functions.inference.endpoint.job_store import EngineWork
    from lading.functions.inference.lanes.lanes import Lanes
    from lading.functions.inference.lanes.lanes import Operation as InTurn

Answerer = Callable[[Request, Catalog, Observation, int], Answer]
"""Answers one request below a base URL; the number is the longest body in bytes."""


def create_app(
    catalog: Catalog,
    *,
    longest_body: int = GATEWAY.body_bytes,
    lanes: "Lanes | None" = None,
    respond: Answerer | None = None,
) -> App:
    """Return the application that serves `catalog` in every dialect, at the root and per model.

    Args:
        catalog: the models.
        longest_body: the longest body in bytes.
        lanes: where all that is not a mere look-up waits for a thread, so that predictions and
            loading do not block health checks; None answers in the event loop, for an environment
            that gets one request at a time.
        respond: answers the requests instead of `answer`; see `service.py`.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} connections are not served")
        below = scope["path"].removeprefix(scope.get("root_path", ""))  # of what mounts it
        served, path = split_base(below, catalog)
        observation = scope.setdefault(OBSERVATION, Observation())
        try:
            body = b"" if REFUSAL in scope else await _read_body(receive, longest_body)
            observation.received = len(body)
            headers, caller = read_headers(scope["headers"]), caller_of(scope)
            observation.trace = headers.get(TRACE, "")
            request = Request(scope["method"], path, headers, body, caller)
            told = (request, served, observation, longest_body)
            if REFUSAL in scope:  # perhaps only since its body is read
                response: Answer = _refuse(scope[REFUSAL], request, observation)
            elif lanes is None:
                response = (respond or answer)(*told)
            else:
                response = await _answer_in_turn(lanes, respond, told, receive)
        except CallerGone as error:
            observation.error = error
            return
        if isinstance(response, Response):
            await _send(response, request, send)
        else:
            threads = None if lanes is None else lanes.executor()
            await send_stream(response, observation, receive, send, threads)

    return application


async def _answer_in_turn(
    lanes: "Lanes",
    respond: Answerer | None,
    told: tuple[Request, Catalog, Observation, int],
    receive: Receive,
) -> Answer:
    """Answer at once what is in memory; anything else waits in the lanes."""
    from lading.functions.inference.app.waiting import Waiting, lane_of, wait

    request, catalog, observation, _ = told
    lane = lane_of(request, catalog, find_dialect(split_path(request.path), catalog))
    if lane is None:
        return (respond or answer)(*told)
    operation = _answering(*told) if respond is None else _calling(partial(respond, *told))
    return await wait(lanes, Waiting(operation, request, observation, lane), receive)


def answer(
    request: Request,
    catalog: Catalog,
    observation: Observation,
    longest_body: int = GATEWAY.body_bytes,
    work: "EngineWork | None" = None,
) -> Answer:
    """Answer one request at once; every failure becomes an error of its dialect.

    `work` is what an asynchronous endpoint has done for the job that the request is in, if any.
    """
    if find_dialect(split_path(request.path), catalog) is CONTROL:
        return _show_page(request, catalog, observation)
    with Boundary(observation) as boundary:
        operation, call = _route(request, catalog, observation, longest_body, work)
        return _marked(answer_at_once(operation, call), observation)
    return refuse(boundary.refusal, request.path)


def _refuse(error: InferenceError, request: Request, observation: Observation) -> Response:
    """Answer with the server's error, in the form of the dialect."""
    observation.dialect = dialect_of(split_path(request.path)).name
    observation.error = error
    return refuse(error, request.path)


def _answering(
    request: Request, catalog: Catalog, observation: Observation, longest_body: int
) -> "InTurn[Answer]":
    """Answer one request as `answer` does, whoever predicts."""
    if find_dialect(split_path(request.path), catalog) is CONTROL:
        return _show_page(request, catalog, observation)
    with Boundary(observation) as boundary:
        operation, call = _route(request, catalog, observation, longest_body)
        found = operation(call)
        if not isinstance(found, Response | StreamedResponse):
            found = yield from found
        return _marked(found, observation)
    return refuse(boundary.refusal, request.path)


def _calling(work: Callable[[], Answer]) -> "InTurn[Answer]":
    """Answer by `work`, which predicts at once."""
    yield from ()
    return work()


def _show_page(request: Request, catalog: Catalog, observation: Observation) -> Answer:
    from lading.functions.inference.app import pages

    return pages.answer(request, catalog, observation)


def _route(
    request: Request,
    catalog: Catalog,
    observation: Observation,
    longest_body: int,
    work: "EngineWork | None" = None,
) -> tuple[Operation, Call]:
    """Return the operation for a request, and its call.

    Raises:
        InferenceError: there is none, or the body is too long or cannot be unpacked.
    """
    segments = split_path(request.path)
    dialect = find_dialect(segments, catalog)
    observation.dialect = dialect.name
    operations = find_operations(dialect.name)
    request = _unpacked(request, longest_body)
    observation.unpacked = len(request.body)
    route, parameters = find_route(dialect, request.method, request.path, segments)
    return operations[route.operation], Call(request, catalog, parameters, observation, work)


def find_dialect(segments: tuple[str, ...], catalog: Catalog) -> Dialect:
    """Return the dialect that owns a path; `/models` is SageMaker's where it loads the models."""
    if segments[0] == "models" and catalog.control is not None and catalog.control.multi_model:
        return MULTI_MODEL
    return dialect_of(segments)


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


def _marked(response: Answer, observation: Observation) -> Answer:
    """Return the response, which says who answered where that is open."""
    marks = marks_of(observation)
    return response._replace(headers={**response.headers, **marks}) if marks else response


async def _send(response: Response, request: Request, send: Send) -> None:
    await send(start_message(response, {"content-length": str(len(response.body))}))
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})
