"""`lading serve`: the emulated API Gateway and Lambda function on this machine."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from lading.cli.local_endpoint import local_endpoint
from lading.cli.locked import served_settings
from lading.cli.options import LOCK, EngineUrl, Json, Lock
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.function.runtimes import Listeners, Runtime, create_function
from lading.emulator.gateway.api import Gateway
from lading.emulator.grpc_server import serving_grpc
from lading.emulator.management import Management
from lading.emulator.processes.server import ThreadedServer
from lading.functions.contract.errors import ArtifactError
from lading.functions.contract.names import artifact_folder
from lading.functions.contract.origins import read_origins
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.entry.http_server import (
    KEEP_ALIVE_SECONDS,
    MOST_KEEP_ALIVE_SECONDS,
    Listening,
    address_of,
)
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.observability.prometheus import Metrics

_LOG = Path(".lading/serve.log")
_ENGINES = Path(".lading/engines")


_BESIDE: Mapping[str, str] = MappingProxyType(
    {
        "grpc": "gRPC: Open Inference Protocol, TensorFlow Serving",
        "management": "TorchServe's management API",
    }
)


def serve(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all when none.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; :: is all of IPv6 and IPv4.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    runtime: Annotated[Runtime, typer.Option(help="What runs the function.")] = "process",
    log: Annotated[Path, typer.Option(help="The function's own log: JSON lines.")] = _LOG,
    threads: Annotated[int, typer.Option(min=0, help="Per prediction; 0: all cores.")] = 0,
    grpc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Speak gRPC too; 0 takes a free port.")
    ] = None,
    cors: Annotated[str, typer.Option(help="Origins whose pages may ask; * for all.")] = "",
    engine_url: EngineUrl = "",
    management_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="TorchServe's management API, as --grpc-port."),
    ] = None,
    keep_alive: Annotated[
        int,
        typer.Option(
            min=1, max=MOST_KEEP_ALIVE_SECONDS, help="Seconds that an idle connection stays open."
        ),
    ] = KEEP_ALIVE_SECONDS,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Answer over HTTP as the deployed API would, with its limits.

    Serves the labeled versions of the models in the lock. Each answered request is a line on
    standard error, and counted for Prometheus at /metrics (runtime process). With --json the
    address is one JSON line on standard output, once it answers. API Gateway carries no gRPC; with
    --grpc-port this server speaks it all the same, as the container does, on a port of its own.

    A model whose target is SageMaker is answered by an engine that this starts beside the function,
    behind an emulated endpoint; what that says is in .lading/engines.

    Examples:

        lading serve

        lading serve digits --port 9000 --runtime lambda

        lading serve --port 0 --json

        lading serve --grpc-port 8001 --management-port 8081

        lading serve chat --engine-url http://127.0.0.1:8000/v1
    """
    settings = replace(served_settings(lock, names or (), threads), origins=_origins(cors))
    for failure in _damaged(settings):
        typer.secho(f"warning: {failure}", err=True, fg="yellow")

    if management_port is not None and runtime != "process":
        raise typer.BadParameter("--management-port needs --runtime process")
    room = LocalEngines(_ENGINES, _ENGINES, server=engine_url, on_progress=_tell)
    with local_endpoint(settings, lock, room) as (settings, variables):
        listening = _Listening(Listening(host, port, keep_alive), grpc_port, management_port)
        _run(settings, variables, runtime, listening, log, as_json=json_)


@dataclass(frozen=True, slots=True)
class _Listening:
    """Where, on one host; port 0 takes a free one, None is not listened on."""

    http: Listening
    grpc: int | None
    management: int | None


def _run(
    settings: ServingSettings,
    variables: Mapping[str, str],
    runtime: Runtime,
    listening: _Listening,
    log: Path,
    *,
    as_json: bool,
) -> None:
    """Serve until a signal."""
    host = listening.http.host
    metrics = Metrics() if runtime == "process" else None
    management = Management(settings) if listening.management is not None else None
    told = _told(metrics, management)
    function = create_function(runtime, settings, log=log, listeners=told, variables=variables)
    gateway = Gateway(function, lambda access: typer.echo(str(access), err=True))
    app = metrics.beside(gateway) if metrics else gateway
    beside: dict[str, str] = {}

    def ready(bound: int) -> None:
        url = f"http://{address_of(host, bound)}"
        document = {**_document(url, settings, log), **beside}
        typer.echo(json.dumps(document) if as_json else _banner(url, beside, settings))

    with ExitStack() as stack:
        if listening.grpc is not None:
            catalog = load_catalog(settings)
            where = Listening(host, listening.grpc)
            speaking = serving_grpc(catalog, where, log=log, metrics=metrics)
            beside["grpc"] = address_of(host, stack.enter_context(speaking))
        if management and listening.management is not None:
            managing = management.serving(host, listening.management)
            beside["management"] = f"http://{address_of(host, stack.enter_context(managing))}"
        ThreadedServer(app, function, listening.http, on_ready=ready).run()


def _told(metrics: Metrics | None, management: Management | None) -> Listeners:
    """What counts requests and what manages models, as far as there are any."""

    def loaded(catalog: Catalog) -> None:
        if metrics:
            metrics.note_models(catalog)
        if management:
            management.attach(catalog)

    return Listeners(loaded, metrics.note if metrics else None)


def _tell(step: str) -> None:
    typer.secho(step, err=True, dim=True)


def _origins(text: str) -> tuple[str, ...]:
    try:
        return read_origins(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--cors") from error


def _damaged(settings: ServingSettings) -> Iterator[ArtifactError]:
    """What is wrong with artifacts that will answer that they are not ready."""
    for model in settings.models:
        for version, digest in model.versions.items():
            try:
                read_artifact(
                    Path(settings.model_root) / artifact_folder(model.name, version), digest
                )
            except ArtifactError as error:
                yield error


def _document(url: str, settings: ServingSettings, log: Path) -> dict[str, object]:
    models = {model.name: sorted(model.versions) for model in settings.models}
    return {"url": url, "models": models, "log": str(log)}


def _banner(url: str, beside: Mapping[str, str], settings: ServingSettings) -> str:
    lines = [f"{url}  (Ctrl-C stops; {url}/docs shows every route)"]
    lines += [f"{address}  ({_BESIDE[what]})" for what, address in beside.items()]
    for model in settings.models:
        labels = ", ".join(f"{label} = {at}" for label, at in sorted(model.labels.items()))
        lines.append(f"  {url}/{model.name}/predict  {labels or f'version {max(model.versions)}'}")
    return "\n".join(lines)
