"""The service as one ASGI application that another application mounts, or that a server runs."""

from collections.abc import Callable

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import Answerer, create_app
from lading.functions.inference.entry.service import answerer
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App
from lading.functions.inference.wire.cors import allow_origins


def create_service(
    settings: ServingSettings,
    *,
    threads: int = 0,
    observability: Observability | None = None,
    loaded: Callable[[Catalog], object] = lambda _: None,
    limited: Callable[[Answerer], Answerer] = lambda respond: respond,
) -> App:
    """Load the models of `settings`, and return the application that serves them.

    Predictions run in threads, so that they block no other route of the process. Each request's log
    line, which holds its metrics too, is written as soon as its response is out.

    Args:
        settings: what to serve; `lading.api.locked.served_settings` reads it from a lock.
        threads: predictions at once; 0: one for each processor that this process may use.
        observability: where requests are logged and counted; by default the standard output.
        loaded: called with the models once they are loaded.
        limited: limits the answers, where the way back to the caller has a limit.
    """
    catalog = load_catalog(settings)
    observed = observability or Observability(settings)
    observed.note_failures(catalog)
    loaded(catalog)
    lanes = Lanes(LaneLimits(threads=threads))
    app = create_app(catalog, lanes=lanes, respond=limited(answerer(settings)))
    return allow_origins(observed.served(app), settings.origins)
