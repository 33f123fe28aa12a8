"""`lading serve`: the emulated API Gateway and Lambda function on this machine."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from lading.api.local_endpoint import local_endpoint
from lading.api.locked import served_settings
from lading.api.serving import ENGINES, LOG, service
from lading.cli.first_packaging import package_first
from lading.cli.options import LOCK, MANIFEST, EngineUrl, Json, Lock, Manifest, Names
from lading.cli.settings import colors
from lading.cli.signatures import STAGE, STAGES, Stage, Stages, trust_of_stage, warn
from lading.cli.splits import splits_of_stage
from lading.cli.watched_serving import WatchedServing, read_metric_names, tracing
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.function.runtimes import Listeners, Runtime
from lading.emulator.gateway.api import Access
from lading.emulator.grpc_server import serving_grpc
from lading.emulator.management import Management
from lading.emulator.processes.server import ThreadedServer
from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.errors import ArtifactError
from lading.functions.contract.names import CONTAINER, artifact_folder
from lading.functions.contract.origins import read_origins
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.attestation.enforcement import FolderCheck
from lading.functions.inference.entry.http_server import Listening, address_of
from lading.functions.inference.entry.keep_alive import KEEP_ALIVE_SECONDS, MOST_KEEP_ALIVE_SECONDS
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.messages import Observation
from lading.functions.pages.beside import with_pages
from lading.model_packaging.signing.errors import needs_cryptography

_BESIDE: Mapping[str, str] = MappingProxyType(
    {
        "grpc": "gRPC: Open Inference Protocol, TensorFlow Serving",
        "management": "TorchServe's management API",
        "management_token": "its token: send 'Authorization: Bearer TOKEN'",
    }
)

_HOST = typer.Option(help="Address to listen on; :: means all IPv6 and IPv4 addresses.")
_RUNTIME = typer.Option(
    help="Run the function here, or under AWS's runtime (Linux; -managed: several at once)."
)
_LOG_FILE = typer.Option(help="The function's log, as JSON lines.")
_THREADS = typer.Option(min=0, help="Threads of one prediction; 0 means all cores.")
_CORS = typer.Option(help="Origins whose pages may call, with commas; * for all.")
_MANAGEMENT_TOKEN = typer.Option(
    envvar=CONTAINER.management_token,
    show_envvar=True,
    help="Token of the management API; created and shown if none is given.",
)
_TRACES = typer.Option(
    envvar=CONTAINER.traces,
    show_envvar=True,
    help="Collector of OpenTelemetry's traces, such as http://localhost:4318.",
)
_METRIC_NAMES = typer.Option(
    envvar=CONTAINER.metric_names,
    show_envvar=True,
    help=f"Other servers' names in /metrics too: {', '.join(CONTAINER.metric_servers)}.",
)
_PAGES = typer.Option("--pages/--no-pages", help="Pages for browsers: /ui and /docs.")
_KEEP_ALIVE = typer.Option(
    min=1, max=MOST_KEEP_ALIVE_SECONDS, help="Seconds that an idle connection stays open."
)


_CAPTURE = typer.Option(metavar="FOLDER", help="Keep requests here, and accept truths about them.")


def _port(of: str) -> Any:
    return typer.Option(min=0, max=65535, help=f"Port of {of}; 0 chooses a free one.")


@dataclass(frozen=True, slots=True)
class _Ports:
    """The addresses of one host; port 0 chooses a free one, None does not listen."""

    http: Listening
    grpc: int | None
    management: int | None
    management_token: str


def serve(
    names: Names = None,
    host: Annotated[str, _HOST] = "127.0.0.1",
    port: Annotated[int, _port("HTTP")] = 8080,
    runtime: Annotated[Runtime, _RUNTIME] = "process",
    log: Annotated[Path, _LOG_FILE] = LOG,
    threads: Annotated[int, _THREADS] = 0,
    grpc_port: Annotated[int | None, _port("gRPC, if any")] = None,
    cors: Annotated[str, _CORS] = "",
    engine_url: EngineUrl = "",
    management_port: Annotated[int | None, _port("TorchServe's management API, if any")] = None,
    management_token: Annotated[str, _MANAGEMENT_TOKEN] = "",
    keep_alive: Annotated[int, _KEEP_ALIVE] = KEEP_ALIVE_SECONDS,
    traces: Annotated[str, _TRACES] = "",
    metric_names: Annotated[str, _METRIC_NAMES] = "",
    pages: Annotated[bool, _PAGES] = True,
    capture: Annotated[Path | None, _CAPTURE] = None,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Serve models over HTTP on this machine, as the deployed API would, with its limits.

    In a project that has packaged no model yet, it packages those of models.yaml first. It serves
    the labeled versions in the lock; a browser finds a page for each model at /ui. Each answered
    request is a line on standard error and is counted for Prometheus at /metrics (runtime process).
    With --json the addresses are one line on standard output when the server is ready. A model
    whose target is SageMaker is served by an engine, which this command starts; its log is in
    .lading/engines. A model without a signature that the stage accepts is not served where the
    stage requires one. Where the stage has a `split` of a model, its versions share the requests
    here, too.

    Examples:

        lading serve

        lading serve digits --port 9000 --runtime lambda

        lading serve --port 0 --grpc-port 8001 --json

        lading serve chat --engine-url http://127.0.0.1:8000/v1

        lading serve digits --capture captures
    """
    package_first(manifest, lock, names or ())
    settings = served_settings(lock, names or (), threads, splits_of_stage(stages, stage))
    settings = settings._replace(origins=_origins(cors), capture=_capture(capture))
    check = FolderCheck(trust_of_stage(stages, stage), report=warn)
    for failure in _damaged(settings, check):
        warn(str(failure))
    _check_management(runtime, management_port, management_token)
    engines = LocalEngines(ENGINES, ENGINES, server=engine_url, on_progress=_show_step)
    ports = _Ports(Listening(host, port, keep_alive), grpc_port, management_port, management_token)
    watched = WatchedServing(traces, stage or "", read_metric_names(metric_names), pages)
    with local_endpoint(settings, lock, engines) as (settings, variables):
        management = _management(settings, ports, check)
        _run(settings, variables, runtime, ports, log, management, watched, as_json=json_)


def _run(
    settings: ServingSettings,
    variables: Mapping[str, str],
    runtime: Runtime,
    ports: _Ports,
    log: Path,
    management: Management | None,
    watched: WatchedServing,
    *,
    as_json: bool,
) -> None:
    """Serve until a signal."""
    host = ports.http.host
    metrics = Metrics(names=watched.names) if runtime == "process" else None
    beside: dict[str, str] = {}

    def ready(bound: int) -> None:
        url = f"http://{address_of(host, bound)}"
        document = {**_document(url, settings, log), **beside}
        banner = partial(_banner, url, beside, settings, pages=watched.pages)
        typer.echo(json.dumps(document) if as_json else banner())

    with ExitStack() as stack:
        around, note = stack.enter_context(tracing(watched))
        function, gateway = service(
            settings,
            variables,
            runtime,
            log,
            _show_access,
            listeners=_listeners(metrics, management, note),
        )
        app = around(gateway)
        app = metrics.beside(app) if metrics else app
        app = with_pages(app) if watched.pages else app
        if ports.grpc is not None:
            where = Listening(host, ports.grpc)
            serving = serving_grpc(load_catalog(settings), where, log=log, metrics=metrics)
            beside["grpc"] = address_of(host, stack.enter_context(serving))
        if management and ports.management is not None:
            own = CONTAINER.default_management_host
            managing = management.serving(own, ports.management)
            beside["management"] = f"http://{address_of(own, stack.enter_context(managing))}"
            beside["management_token"] = management.token
        ThreadedServer(app, function, ports.http, on_ready=ready).run()


def _check_management(runtime: Runtime, port: int | None, token: str) -> None:
    if port is not None and runtime != "process":
        raise typer.BadParameter("--management-port needs --runtime process")
    if token and len(token) < CONTAINER.shortest_token:
        least = CONTAINER.shortest_token
        raise typer.BadParameter(f"--management-token must have at least {least} characters")


def _management(settings: ServingSettings, ports: _Ports, check: FolderCheck) -> Management | None:
    """Return the management API, if it has a port; its requests are lines on standard error."""
    if ports.management is None:
        return None
    return Management(settings, ports.management_token, partial(typer.echo, err=True), check)


def _listeners(
    metrics: Metrics | None,
    management: Management | None,
    trace: Callable[[Observation, int], object] | None,
) -> Listeners:
    """Return the callbacks that count requests, trace them, and manage models."""
    noting = [note for note in (metrics.note if metrics else None, trace) if note is not None]

    def noted(seen: Observation, status: int) -> None:
        for note in noting:
            note(seen, status)

    def loaded(catalog: Catalog) -> None:
        if metrics:
            metrics.note_models(catalog)
        if management:
            management.attach(catalog)

    return Listeners(loaded, noted if noting else None)


def _show_access(access: Access) -> None:
    typer.echo(str(access), err=True)


def _show_step(step: str) -> None:
    typer.secho(step, err=True, dim=True, color=colors())


def _capture(folder: Path | None) -> CaptureSettings | None:
    """Return the settings with which everything is captured in a folder."""
    return None if folder is None else CaptureSettings(str(folder.resolve()), feedback=True)


def _origins(text: str) -> tuple[str, ...]:
    try:
        return read_origins(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--cors") from error


def _damaged(settings: ServingSettings, check: FolderCheck) -> Iterator[ArtifactError]:
    """Yield the errors of damaged artifacts; their versions will answer that they are not ready.

    Raises:
        SignatureRefused: a version has no valid signature, and must have one. What is loaded later
            has the same digest, which the lock pins.
    """
    for model in settings.models:
        for version, digest in model.versions.items():
            folder = Path(settings.model_root) / artifact_folder(model.name, version)
            try:
                artifact = read_artifact(folder, digest)
            except ArtifactError as error:
                yield error
            else:
                with needs_cryptography():
                    check(model.name, version, artifact, folder)


def _document(url: str, settings: ServingSettings, log: Path) -> dict[str, object]:
    models = {model.name: sorted(model.versions) for model in settings.models}
    return {"url": url, "models": models, "log": str(log)}


def _banner(url: str, beside: Mapping[str, str], settings: ServingSettings, *, pages: bool) -> str:
    shown = "open it in a browser to try the models; " if pages else ""
    lines = [f"{url}  ({shown}Ctrl-C stops)"]
    lines += [f"{address}  ({_BESIDE[what]})" for what, address in beside.items()]
    for model in settings.models:
        labels = ", ".join(f"{label} = {at}" for label, at in sorted(model.labels.items()))
        lines.append(f"  {url}/{model.name}/predict  {labels or f'version {max(model.versions)}'}")
    return "\n".join(lines)
