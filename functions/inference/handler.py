"""The Lambda handler, made of settings: it runs in the cloud and in the emulator's own process."""

from collections.abc import Callable
from typing import Any

from mangum import Mangum

from functions.inference.application import create_app
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
    adapter = Mangum(observability.middleware(create_app(catalog)), lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return adapter(event, context)
        finally:
            observability.flush()

    return handler
