"""The Lambda handler, made of settings: it runs in the cloud and in the emulator's own process."""

from collections.abc import Callable
from typing import Any

from mangum import Mangum
from mangum.protocols import HTTPCycle
from mangum.types import ASGI, LambdaEvent, Response

from functions.inference.application import answers_at_once, create_app
from functions.inference.catalog import Catalog, load_catalog
from functions.inference.observability import Observability
from functions.inference.settings import Settings

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def create_handler(
    settings: Settings, loaded: Callable[[Catalog], object] | None = None
) -> Handler:
    """Load and verify the models, and give what answers one API Gateway proxy event.

    The thread that calls it, and the handler, needs an event loop of its own.

    Args:
        settings: what to serve.
        loaded: called with the models once they are there.
    """
    catalog = load_catalog(settings)
    if loaded is not None:
        loaded(catalog)
    observability = Observability(settings)
    observability.note_failures(catalog)
    app: Any = observability.middleware(create_app(catalog))
    adapter, models = Mangum(app, lifespan="off"), frozenset(catalog.names())

    def handler(event: LambdaEvent, context: Any) -> dict[str, Any]:
        try:
            if not answers_at_once(event["path"], models):
                return adapter(event, context)
            translation = adapter.infer(event, context)
            return translation(_CycleAtOnce(translation.scope, translation.body)(app))
        finally:
            observability.flush()

    return handler


class _CycleAtOnce(HTTPCycle):
    """Mangum's cycle for what waits for nothing: an event loop would be a tenth of the answer."""

    def __call__(self, app: ASGI) -> Response:
        """Run `app` to its end."""
        try:
            self.run(app).send(None)
        except StopIteration:
            return {"status": self.status, "headers": self.headers, "body": self.body}
        raise RuntimeError("the application waits where it said that it would not")
