"""The service as a container: the same application under uvicorn, with SageMaker's contract.

    python -m lading.functions.inference.entry.container serve

SageMaker starts an image with the argument `serve`, mounts the model at `/opt/ml/model`, waits
until `GET /ping` on port 8080 answers 200 within two seconds, posts to `/invocations`, and stops it
with SIGTERM, thirty seconds before SIGKILL. Any other container platform can run it too: it answers
every dialect, over gRPC too if `LADING_GRPC_PORT` is set.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from socket import socket
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.names import CONTAINER
from lading.functions.inference.app.application import create_app
from lading.functions.inference.attestation.enforcement import FolderCheck, remote_attestations
from lading.functions.inference.callers.callers import Callers
from lading.functions.inference.callers.descriptors import connections_within
from lading.functions.inference.entry.allocator import give_back, keep
from lading.functions.inference.entry.container_settings import ContainerSettings
from lading.functions.inference.entry.http_server import (
    HttpServer,
    address_of,
    configuration,
    listen,
    share,
)
from lading.functions.inference.entry.peer_health import Heartbeat
from lading.functions.inference.entry.stopping import Stopping, grace_of
from lading.functions.inference.entry.warm_up import warm_up
from lading.functions.inference.health.version_health import VersionHealth
from lading.functions.inference.lanes.gauges import show_lanes
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.loading.catalog import Catalog, capture, load_catalog
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.loading.control_turn import ControlTurn
from lading.functions.inference.loading.folder import FolderEmpty, load_folder
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.asgi import App
from lading.functions.inference.wire.cors import allow_origins
from lading.functions.inference.wire.messages import Observation
from lading.functions.pages.beside import with_pages

if TYPE_CHECKING:
    from lading.functions.inference.entry.short.way import ShortWay
    from lading.functions.inference.entry.workers import Team


_PATIENCE_S = 10.0
"""Seconds that SageMaker's request for a model waits while another is loaded."""


class Beside(NamedTuple):
    """What a server has besides its application: see `HttpServer` and `configuration`."""

    grpc: AbstractAsyncContextManager[object] | None = None
    short: "ShortWay | None" = None
    callers: Callers | None = None
    stopping: Stopping | None = None
    beat: Callable[[], None] = lambda: None


def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT, and exit with 0; exit with 1 if there is nothing to serve."""
    if list(arguments) != ["serve"]:
        sys.exit("usage: python -m lading.functions.inference.entry.container serve")
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    try:
        settings = ContainerSettings.from_environment()
        catalog = load(settings)
    except (FolderEmpty, ModelUnavailable, ValueError) as error:
        sys.exit(f"error: {error}")
    keep()
    gc.freeze()  # no collection need look at what stays
    listener, team = _listener(settings.host, settings.port), _fork(catalog, settings)
    if team is not None and team.number:  # the first worker has the other ports
        settings = replace(settings, grpc_port=0, management_port=0)
    heartbeat = Heartbeat(settings.longest_run_s)
    metrics, observability = observe(catalog, settings, team, heartbeat)
    observability.write_libraries()
    observability.note_failures(catalog)
    lanes = Lanes(settings.lanes)
    catalog.watch(partial(VersionHealth, lanes=lanes, longest_run_s=settings.longest_run_s))
    show_lanes(lanes, metrics.registry)
    catalog.show_queue(lanes.waiting)
    short = _short_way(catalog, settings, observability, lanes)
    container = create_container(catalog, settings, observability, lanes, short)
    container, end_traces = _traced(container, settings)
    app = metrics.beside(allow_origins(container, settings.service.origins))
    app = with_pages(app) if settings.pages else app
    _manage(catalog, settings)
    grpc = _grpc(catalog, settings, observability, lanes)
    callers = Callers(settings.callers, lanes)
    stopping = Stopping(callers, catalog.drain, settings.callers.linger_s)
    try:
        beside = Beside(grpc, short, callers, stopping, heartbeat.beat)
        _served(app, listener, settings, beside)()
    except OSError as error:
        sys.exit(f"error: {error}")
    finally:
        observability.end()
        end_traces()
        _leave(lanes)


def _traced(app: App, settings: ContainerSettings) -> tuple[App, Callable[[], None]]:
    """Return the application with traces, if a collector is named, and what sends the last ones."""
    if not settings.traces:
        return app, lambda: None
    from lading.functions.inference.observability.tracing import Tracing

    tracing = Tracing(settings.traces, settings.service.stage)
    return tracing.around(app), tracing.close


def _leave(lanes: Lanes) -> None:
    """End the process at once if a prediction runs whose caller has been refused already."""
    if any(lane.running for lane in lanes.states()):
        sys.stdout.flush()
        os._exit(0)


def _manage(catalog: Catalog, settings: ContainerSettings) -> None:
    """Serve TorchServe's management API from a thread, if a port is set for it."""
    if not settings.management_port or catalog.control is None:
        return
    from lading.functions.inference.app.management_guard import guard
    from lading.functions.inference.app.torchserve_management import create_management

    management = guard(create_management(catalog, catalog.control), settings.management_token)
    listener = _listener(settings.management_host, settings.management_port)
    managing = _served(management, listener, settings, Beside())
    Thread(target=managing, name="management", daemon=True).start()


def _fork(catalog: Catalog, settings: ContainerSettings) -> "Team | None":
    """Return in each of several workers; None: this process serves alone."""
    if settings.workers == 1 or not isinstance(catalog.control, ModelControl):
        return None
    from lading.functions.inference.entry.workers import Team
    from lading.functions.inference.models.session import on_gpu

    if on_gpu():
        sys.exit(f"error: {CONTAINER.workers} must be 1 where models run on a GPU")
    team = Team(catalog, catalog.control, settings.workers)
    team.fork()
    return team


def _listener(host: str, port: int) -> socket:
    """Listen on a port, or end with the reason why that is not possible."""
    try:
        return listen(host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        sys.exit(f"error: cannot listen on {address_of(host, port)}: {reason}")


def _served(
    app: App, listener: socket, settings: ContainerSettings, beside: Beside
) -> Callable[[], None]:
    """Return the function that serves `app` at a listening socket, with what is beside it."""
    config = configuration(
        app,
        keep_alive_s=settings.keep_alive_s,
        grace_s=grace_of(settings.callers),
        short=beside.short,
        callers=beside.callers,
    )
    if settings.workers > 1:
        share(config)
    server = HttpServer(config, beside.grpc, beside.stopping, beside.beat)
    return partial(server.run, sockets=[listener])


def load(settings: ContainerSettings) -> Catalog:
    """Load the models and warm them up with their golden requests; more may be loaded later.

    Raises:
        FolderEmpty: there are none.
        ModelUnavailable: one fails to load; a container that cannot answer must not start. One that
            answers its golden requests wrong is not ready, and says why.
    """
    service = settings.service
    check = FolderCheck(settings.trust, remote_attestations(service.models))
    if settings.multi_model:
        catalog = Catalog({})  # SageMaker requests what to load
    elif service.models:
        catalog = load_catalog(service, check)
    else:
        catalog = load_folder(
            settings.model_folder, service.threads, check, allow_code=service.allow_code
        )
    for failure in catalog.failures():
        raise failure
    capture(catalog, service)
    warm_up(catalog)
    give_back()
    control = ModelControl(
        catalog,
        settings.model_folder,
        service.threads,
        check,
        explicit=settings.explicit,
        multi_model=settings.multi_model,
    )
    patience_s = _PATIENCE_S if settings.multi_model else 0
    control.allow_code = settings.service.allow_code
    control.turn = ControlTurn(settings.longest_load_s, patience_s)
    catalog.attach(control)
    return catalog


def observe(
    catalog: Catalog,
    settings: ContainerSettings,
    team: "Team | None" = None,
    heartbeat: Heartbeat | None = None,
) -> tuple[Metrics, Observability]:
    """Return what counts requests of every protocol: for Prometheus, Triton's clients, the log."""
    metrics = Metrics(None if team is None else team.numbers, settings.metric_names)
    metrics.note_models(catalog)
    if team is not None:
        team.begin(metrics.registry, heartbeat or Heartbeat(settings.longest_run_s))

    def note(seen: Observation, status: int) -> None:
        metrics.note(seen, status)
        if catalog.control is not None:
            catalog.control.statistics.note(seen, status)

    observability = Observability(settings.service, note, on_drift=metrics.note_drift)
    if observability.capturing is not None:
        metrics.captures = observability.capturing.totals
    return metrics, observability


def create_container(
    catalog: Catalog,
    settings: ContainerSettings,
    observability: Observability,
    lanes: Lanes,
    short: "ShortWay | None" = None,
) -> App:
    """Return the application for a server: predictions in threads, each log line at once."""
    app = create_app(catalog, longest_body=settings.callers.longest_body, lanes=lanes)
    return observability.served(app if short is None else short.learning(app))


def _short_way(
    catalog: Catalog, settings: ContainerSettings, observability: Observability, lanes: Lanes
) -> "ShortWay | None":
    """Return the short way; None where pages may call, with traces, or without httptools."""
    if settings.service.origins or settings.traces or not find_spec("httptools"):
        return None
    from lading.functions.inference.entry.short.way import ShortWay

    return ShortWay(catalog, observability, lanes, settings.callers.longest_body)


def _grpc(
    catalog: Catalog, settings: ContainerSettings, observability: Observability, lanes: Lanes
) -> AbstractAsyncContextManager[object] | None:
    """Return the gRPC server, if a port is set for it; it shares the queue of predictions."""
    if not settings.grpc_port:
        return None
    from lading.functions.inference.rpc.server import RpcLimits, RpcServing, listening

    callers = settings.callers  # as many connections as over HTTP, besides those
    limits = RpcLimits(
        callers.longest_body,
        grace_of(callers),
        callers.most_calls,
        callers.idle_stream_s,
        callers.head_s + callers.body_s,
        connections_within(2 * callers.most_connections, callers.spare_descriptors) // 2 or 1,
    )
    served = RpcServing(catalog, observability, limits)
    return listening(served, address_of(settings.host, settings.grpc_port), lanes)


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    """Exit with 0: at once while models load, later after uvicorn, which raises the signal again.

    Without a handler, the signal would not stop the first process of a container.
    """
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
