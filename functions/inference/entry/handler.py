"""The Lambda handler, created from settings; it also runs in the emulator's own process."""

from collections.abc import Callable
from typing import Any

from mangum import Mangum
from mangum.types import LambdaEvent, Response

from lading.functions.contract.invocation import HEALTH, answer_warm_up, header_lines, request_path
from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import Answerer, answer, create_app
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App, Message, Scope
from lading.functions.inference.wire.messages import Observation, Request, StreamedResponse
from lading.functions.inference.wire.messages import Response as Answer

_SMALL_BODY = 8192
_SURELY_FITS = LAMBDA.request_bytes // 6
"""Bytes of an answer that is under Lambda's limit even if each of them is escaped as `\\u00xx`."""

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def create_handler(
    settings: ServingSettings,
    loaded: Callable[[Catalog], object] | None = None,
    on_request: Callable[[Observation, int], object] | None = None,
) -> Handler:
    """Load and verify the models, and return the handler of API Gateway's proxy events.

    It also answers warm-ups and parts of batches, which are no requests: they are neither logged
    nor counted.

    Args:
        settings: what to serve.
        loaded: called with the models once they are loaded.
        on_request: called with each exchange that has ended, and its status.
    """
    catalog = load_catalog(settings)
    if loaded is not None:
        loaded(catalog)
    observability = Observability(settings, on_request)
    observability.note_failures(catalog)
    respond = within_limit(_answerer(settings))
    app = observability.middleware(create_app(catalog, respond=respond))
    if settings.origins:
        from lading.functions.inference.wire.cors import allow_origins

        app = allow_origins(app, settings.origins)
    adapter = _Adapter(app, lifespan="off")
    health: list[Callable[[], dict[str, Any]]] = []
    offer = _shadow(settings)

    def handler(event: LambdaEvent, context: Any) -> dict[str, Any]:
        if "Items" in event:  # a part of a batch
            from lading.functions.inference.batches.lambda_part import answer_part

            return answer_part(event, catalog)
        if (warm := answer_warm_up(event)) is not None:
            observability.note_warm_up()
            return _health(catalog, health) if HEALTH in event else warm
        try:
            translation = adapter.infer(_decoded(event), context)
            scope = translation.scope
            if "path" in event:
                scope["path"] = request_path(event, settings.base_path)
            scope["headers"] = header_lines(event) or scope["headers"]
            response = translation(_answer_at_once(app, scope, translation.body))
            if offer is not None:
                offer(event, response)
            return response
        finally:
            observability.flush()

    return handler


def _health(catalog: Catalog, known: list[Callable[[], dict[str, Any]]]) -> dict[str, Any]:
    """Answer the public health check; most functions are never asked, and import nothing for it."""
    if not known:
        from lading.functions.inference.health.on_demand import HealthOnDemand

        known.append(HealthOnDemand(catalog).answer)
    return known[0]()


def _shadow(settings: ServingSettings) -> Callable[[LambdaEvent, dict[str, Any]], None] | None:
    """Return what sends a share of the requests to another version too; None for no shadow."""
    if settings.shadow is None:
        return None
    from lading.functions.inference.entry.shadowing import Shadow

    return Shadow(settings.shadow).offer


class _Adapter(Mangum):
    """Mangum without an event loop for the thread: the application never waits."""

    def _setup_event_loop(self) -> None:
        """Leave asyncio unused, so that a cold start need not import it."""


def _decoded(event: LambdaEvent) -> LambdaEvent:
    """Return the event, a long body in it decoded to bytes: API Gateway sends base64.

    pybase64 uses vector instructions: a tensor of 600 KB takes a sixth of the 2 ms of `base64`.
    """
    body = event.get("body") or ""
    if not event.get("isBase64Encoded") or len(body) <= _SMALL_BODY:
        return event
    from pybase64 import b64decode

    return {**event, "body": b64decode(body, validate=True), "isBase64Encoded": False}


def within_limit(respond: Answerer) -> Answerer:
    """`respond`, with answers that exceed Lambda's limit compressed or refused."""

    def answered(
        request: Request, catalog: Catalog, observation: Observation, longest_body: int
    ) -> Answer | StreamedResponse:
        response = respond(request, catalog, observation, longest_body)
        if isinstance(response, StreamedResponse) or len(response.body) <= _SURELY_FITS:
            return response
        from lading.functions.inference.app.answer_limit import fit

        return fit(response, request, observation)

    return answered


def _answerer(settings: ServingSettings) -> Answerer:
    """Return the answerer of requests; most functions have neither jobs nor idempotency."""
    if settings.jobs is None and not settings.idempotency_table:
        return answer
    from lading.functions.inference.entry.service import answerer

    return answerer(settings)


def _answer_at_once(app: App, scope: Scope, body: bytes) -> Response:
    """Run an application that never waits, in place of Mangum's cycle.

    The event loop and the queue of that cycle would take a quarter of the whole time.
    """
    answer: Response = {"status": 500, "headers": [], "body": b""}

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer["status"], answer["headers"] = message["status"], message["headers"]
        else:
            answer["body"] += message["body"]

    try:
        app(scope, receive, send).send(None)
    except StopIteration:
        return answer
    raise RuntimeError(f"the application must not await, but does for {scope['path']}")
