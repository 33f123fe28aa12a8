"""The endpoint that `lading serve` starts beside the function, for a model that has an engine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from lading.cli.errors import CliError
from lading.cli.settings import aws_environment
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
    """Start the engine of the model that has one; yield the settings and variables that lead to it.

    Of such a model one version is served: the stable one, else the newest.

    Raises:
        CliError: several models have engines, or AWS's client is not installed.
        EmulatorError: the engine cannot be used on this machine, or does not start.
    """
    found = _engines(settings, lock)
    if not found:
        yield settings, {}
        return
    if len(found) > 1:
        names = ", ".join(model.name for model, _ in found)
        raise CliError(f"{names} each need an engine; name one of them, or run `lading emulate`")
    if find_spec("boto3") is None:
        raise CliError("calls of endpoints need boto3, AWS's client; run `make cloud`")
    ((model, engine),) = found
    folder = version_folder(lock, model.name, _served_version(model)) / ENGINE
    endpoint = LocalEndpoint(model.name, engines.engine(model.name, engine.name, folder))

    def show(access: Access) -> None:
        if access.reason:
            engines.on_progress(f"endpoint {model.name}: {access.reason}")

    runtime = SageMakerRuntime([endpoint], show)
    with in_background(runtime, runtime) as port:
        url = f"http://127.0.0.1:{port}"
        urls = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url, "AWS_ENDPOINT_URL_SAGEMAKER": url}
        variables = {**dummy_credentials(), **urls}
        with aws_environment(variables):
            yield _with_endpoint(settings, model, engine), variables


def _engines(settings: ServingSettings, lock: Path) -> list[tuple[ServedModel, LockedEngine]]:
    """Return the models whose served version has an engine, each with that engine."""
    locked = read_lock(lock)
    found = []
    for model in settings.models:
        engine = locked.model(model.name).versions[_served_version(model)].engine
        if engine is not None:
            found.append((model, engine))
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
