"""The service as a container: the same app under uvicorn, with SageMaker's container contract.

    python -m functions.inference.container serve

SageMaker starts an image with the argument `serve`, puts the model at `/opt/ml/model`, waits until
`GET /ping` on port 8080 answers 200 within two seconds, posts to `/invocations`, and ends it with
SIGTERM, thirty seconds before SIGKILL. Any other container platform may run it too, for it answers
every dialect, those over gRPC among them when `LADING_GRPC_PORT` names a port for them.
"""

import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from threading import Thread
from types import FrameType
from typing import NoReturn

import uvicorn

from functions.inference.application import create_app
from functions.inference.asgi import App
from functions.inference.catalog import Catalog, load_catalog
from functions.inference.container_settings import ContainerSettings
from functions.inference.cors import allow_origins
from functions.inference.errors import ModelUnavailable
from functions.inference.exchange import Observation
from functions.inference.model_control import ModelControl
from functions.inference.model_folder import FolderEmpty, load_folder
from functions.inference.observability import Observability
from functions.inference.prometheus import Metrics
from functions.inference.warm_up import warm_up

_EVERYWHERE = "0.0.0.0"  # noqa: S104 the container's own network
GRACE_SECONDS = 25
"""How long requests under way may take to end; SageMaker kills after 30."""


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT, and exit with 0; with 1 when there is nothing to serve."""
    if list(arguments) != ["serve"]:
        sys.exit("usage: python -m functions.inference.container serve")
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    try:
        settings = ContainerSettings.from_environment(os.environ)
        catalog = load(settings)
    except (FolderEmpty, ModelUnavailable, ValueError) as error:
        sys.exit(f"error: {error}")
    metrics, observability = observe(catalog, settings)
    container = create_container(catalog, settings, observability)
    app = metrics.beside(allow_origins(container, settings.service.origins))
    with _grpc(catalog, settings, observability):
        if settings.management_port and catalog.control is not None:
            from functions.inference.torchserve_management import (  # noqa: PLC0415 its framework
                create_management,
            )

            management = create_management(catalog, catalog.control)
            server = _server(management, settings.management_port)
            Thread(target=server.run, name="management", daemon=True).start()
        _server(app, settings.port).run()


def _server(app: App, port: int) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=_EVERYWHERE,
            port=port,
            http=_http(),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def _http() -> str:
    """The parser of the image; a laptop may have only uvicorn's own."""
    fast = "functions.inference.http_protocol:BoundedProtocol"
    return fast if find_spec("httptools") else "h11"


def load(settings: ContainerSettings) -> Catalog:
    """The models, each warmed with its golden requests, and what loads more while it runs.

    Raises:
        FolderEmpty: there are none.
        ModelUnavailable: one does not load; a container that cannot answer had better not start.
    """
    if settings.multi_model:
        catalog = Catalog({})  # SageMaker says what to load
    elif settings.service.models:
        catalog = load_catalog(settings.service)
    else:
        catalog = load_folder(settings.model_folder, settings.service.threads)
    for failure in catalog.failures():
        raise failure
    warm_up(catalog)
    control = ModelControl(
        catalog,
        settings.model_folder,
        settings.service.threads,
        explicit=settings.explicit,
        multi_model=settings.multi_model,
    )
    catalog.attach(control)
    return catalog


def observe(catalog: Catalog, settings: ContainerSettings) -> tuple[Metrics, Observability]:
    """What counts requests, over whatever protocol: for Prometheus, Triton's clients, the log."""
    metrics = Metrics()
    metrics.note_models(catalog)

    def note(seen: Observation, status: int) -> None:
        metrics.note(seen, status)
        if catalog.control is not None:
            catalog.control.statistics.note(seen, status)

    return metrics, Observability(settings.service, note)


def create_container(
    catalog: Catalog, settings: ContainerSettings, observability: Observability
) -> App:
    """The app as a server needs it: predictions in threads, each log line at once."""
    executor = ThreadPoolExecutor(os.cpu_count(), "prediction")
    app = create_app(catalog, longest_body=settings.longest_body, executor=executor)
    return observability.served(app)


def _grpc(
    catalog: Catalog, settings: ContainerSettings, observability: Observability
) -> AbstractContextManager[object]:
    """The gRPC server beside it, where a port is set for one."""
    if not settings.grpc_port:
        return nullcontext()
    from functions.inference.rpc.server import serving  # noqa: PLC0415 a library of its own

    address = f"{_EVERYWHERE}:{settings.grpc_port}"
    return serving(catalog, observability, address, settings.longest_body)


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    """Exit with 0: while loading at once, later when uvicorn has ended and raises the signal again.

    The first process of a container would not even end without a handler.
    """
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
