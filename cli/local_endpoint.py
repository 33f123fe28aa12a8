"""The endpoint that `lading serve` starts beside the function, for a model that has an engine."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from lading.cli.errors import CliError
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


def engines_of(settings: ServingSettings, lock: Path) -> Mapping[str, LockedEngine]:
    """The models of `settings` whose answering version has an engine, with that engine."""
    locked = read_lock(lock)
    found = {}
    for model in settings.models:
        engine = locked.model(model.name).versions[_answering(model)].engine
        if engine is not None:
            found[model.name] = engine
    return found


@contextmanager
def local_endpoint(
    settings: ServingSettings, lock: Path, room: LocalEngines
) -> Iterator[tuple[ServingSettings, Variables]]:
    """Start the engine of the model that has one; the settings and variables that lead to it.

    Of such a model one version is served: the stable one, or the newest.

    Raises:
        CliError: several models have engines, or AWS's client is not installed.
        EmulatorError: its engine cannot be had here, or does not start.
    """
    engines = engines_of(settings, lock)
    if not engines:
        yield settings, {}
        return
    if len(engines) > 1:
        names = ", ".join(engines)
        raise CliError(f"{names} have an engine each; name one of them, or run lading emulate")
    if find_spec("boto3") is None:
        raise CliError("endpoints are asked by AWS's client, boto3; run `make .venv/cloud`")
    (name, engine), *_ = engines.items()
    model = next(each for each in settings.models if each.name == name)
    folder = version_folder(lock, name, _answering(model)) / ENGINE
    endpoint = LocalEndpoint(name, room.engine(name, engine.name, folder))

    def tell(access: Access) -> None:
        if access.reason:
            room.on_progress(f"endpoint {name}: {access.reason}")

    runtime = SageMakerRuntime([endpoint], tell)
    with in_background(runtime, runtime) as port:
        variables = {**dummy_credentials(), **_urls(port)}
        with _in_environment(variables):
            yield _told(settings, model, engine), variables


def _answering(model: ServedModel) -> int:
    return model.labels.get(DEFAULT_LABEL, max(model.versions))


def _told(settings: ServingSettings, model: ServedModel, engine: LockedEngine) -> ServingSettings:
    """The settings with the endpoint, which stands for one version."""
    version = _answering(model)
    labels = {label: at for label, at in model.labels.items() if at == version}
    one = model._replace(versions={version: model.versions[version]}, labels=labels)
    models = tuple(one if each is model else each for each in settings.models)
    called = model.name if engine.name in LANGUAGE else ""
    return replace(
        settings, models=models, endpoint=ServedEndpoint(model.name, engine_model=called)
    )


def _urls(port: int) -> Variables:
    url = f"http://127.0.0.1:{port}"
    return {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url, "AWS_ENDPOINT_URL_SAGEMAKER": url}


@contextmanager
def _in_environment(variables: Variables) -> Iterator[None]:
    """AWS's client reads them in this process."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
