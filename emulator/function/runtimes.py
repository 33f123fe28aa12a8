"""The runtimes of `lading serve`: the service in this process, or under AWS's own runtime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from lading.emulator.function.in_process import InProcessFunction
from lading.emulator.function.interface import Configuration, Function
from lading.emulator.function.lambda_runtime import LambdaRuntimeFunction
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.entry.processors import processors
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.wire.messages import Observation

Runtime = Literal["process", "lambda", "lambda-managed"]
"""What runs the function: this process, or AWS's own runtime under its emulator (Linux only); there
with several requests at once, as on Lambda Managed Instances (root only)."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Callbacks of the service; only the runtime `process` calls them.

    Args:
        on_loaded: gets the models when they are loaded.
        on_request: gets each finished exchange and its status.
    """

    on_loaded: Callable[[Catalog], object] | None = None
    on_request: Callable[[Observation, int], object] | None = None


def create_function(
    runtime: Runtime,
    settings: ServingSettings,
    *,
    log: Path,
    listeners: Listeners = Listeners(),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Function:
    """Return the inference service as a function.

    Args:
        runtime: what runs it.
        settings: which models are served, and from which folder.
        log: file to which the service's output is appended.
        listeners: callbacks of the service.
        variables: environment of AWS's clients under `lambda`.
    """
    if runtime == "process":
        return InProcessFunction(
            lambda: create_handler(settings, listeners.on_loaded, listeners.on_request), log=log
        )
    absolute = settings._replace(model_root=str(Path(settings.model_root).absolute()))
    environment = {**variables, **absolute.to_environment()}
    several = processors() if runtime == "lambda-managed" else None
    configuration = Configuration(concurrency=several)
    return LambdaRuntimeFunction(environment, log=log.absolute(), configuration=configuration)
