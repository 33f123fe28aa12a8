"""The endpoint that `lading serve` starts beside the function, for a model that has an engine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from lading.api.errors import NotServable
from lading.api.settings import aws_environment
from lading.emulator.cloud.ministack import dummy_credentials
from lading.emulator.engines.local_engines import LANGUAGE, LocalEngines
from lading.emulator.gateway.api import Access
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.contract.settings import ServedEndpoint, ServedModel, ServingSettings
from lading.functions.inference.artifact.specification import ENGINE
from lading.model_packaging.lock.file import LockedEngine, read_lock, version_folder

Variables = Mapping[str, str]


@contextmanager
def local_endpoint(
    settings: ServingSettings, lock: Path, engines: LocalEngines
) -> Iterator[tuple[ServingSettings, Variables]]:
    """Start the engines of the model that has one, and of the models of graphs that have some.

    Yields the settings and variables that lead to them. Of a model with an engine one version is
    served: the stable one, else the newest.

    Raises:
        NotServable: several models have engines, or AWS's client is not installed.
        EmulatorError: the engine cannot be used on this machine, or does not start.
    """
    found, nodes = _engines(settings, lock), _node_engines(settings, lock)
    if not found and not nodes:
        yield settings, {}
        return
    if len(found) > 1:
        names = ", ".join(model.name for model, _ in found)
        raise NotServable(f"{names} each need an engine; name one of them, or run `lading emulate`")
    if find_spec("boto3") is None:
        raise NotServable("calls of endpoints need boto3, AWS's client; run `make cloud`")
    asked = nodes | {model.name: (_served_version(model), engine) for model, engine in found}
    for name, (tested, _) in nodes.items():
        if asked[name][0] != tested:
            reason = f"a graph needs version {tested} of '{name}', whose version {asked[name][0]}"
            raise NotServable(f"{reason} is served; name the graph alone")
    endpoints = [
        LocalEndpoint(
            name, engines.engine(name, engine.name, version_folder(lock, name, version) / ENGINE)
        )
        for name, (version, engine) in asked.items()
    ]

    def show(access: Access) -> None:
        if access.reason:
            engines.on_progress(f"endpoint {', '.join(asked)}: {access.reason}")

    runtime = SageMakerRuntime(endpoints, show)
    with in_background(runtime, runtime) as port:
        url = f"http://127.0.0.1:{port}"
        urls = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url, "AWS_ENDPOINT_URL_SAGEMAKER": url}
        variables = {**dummy_credentials(), **urls}
        with aws_environment(variables):
            addresses = {name: ServedEndpoint(name) for name in nodes}
            settings = settings._replace(node_endpoints=addresses)
            yield (_with_endpoint(settings, *found[0]) if found else settings), variables


def _engines(settings: ServingSettings, lock: Path) -> list[tuple[ServedModel, LockedEngine]]:
    """Return the models whose served version has an engine, each with that engine."""
    locked = read_lock(lock)
    found = []
    for model in settings.models:
        engine = locked.model(model.name).versions[_served_version(model)].engine
        if engine is not None:
            found.append((model, engine))
    return found


def _node_engines(settings: ServingSettings, lock: Path) -> dict[str, tuple[int, LockedEngine]]:
    """Return the models of served graphs that have an engine, each with its version.

    Raises:
        NotServable: two graphs need different versions of one model.
    """
    locked = read_lock(lock)
    found: dict[str, tuple[int, LockedEngine]] = {}
    for model in settings.models:
        for version in model.versions:
            for name, number in locked.model(model.name).versions[version].nodes.items():
                engine = locked.model(name).versions[number].engine
                if engine is None:
                    continue
                known, _ = found.setdefault(name, (number, engine))
                if known != number:
                    reason = f"'{model.name}' needs version {number} of '{name}', which also needs"
                    raise NotServable(
                        f"{reason} to run in version {known}; name one graph to serve"
                    )
    return found


def _served_version(model: ServedModel) -> int:
    """Return the version that its endpoint serves: the stable one, else the newest."""
    return model.labels.get(DEFAULT_LABEL, max(model.versions))


def _with_endpoint(
    settings: ServingSettings, model: ServedModel, engine: LockedEngine
) -> ServingSettings:
    """Return the settings with the endpoint of one version of the model."""
    version = _served_version(model)
    labels = {label: at for label, at in model.labels.items() if at == version}
    one = model._replace(versions={version: model.versions[version]}, labels=labels)
    models = tuple(one if each is model else each for each in settings.models)
    engine_model = model.name if engine.name in LANGUAGE else ""
    endpoint = ServedEndpoint(model.name, engine_model=engine_model)
    return settings._replace(models=models, endpoint=endpoint)
