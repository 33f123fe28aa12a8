"""Where `lading serve` runs the inference service: here, or under AWS's own runtime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from lading.emulator.function.in_process import InProcessFunction
from lading.emulator.function.interface import Function
from lading.emulator.function.lambda_runtime import LambdaRuntimeFunction
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.wire.messages import Observation

Runtime = Literal["process", "lambda"]


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears what the service does.

    Args:
        loaded: gets the models once they are there.
        on_request: gets each exchange that has ended, and its status.
    """

    loaded: Callable[[Catalog], object] | None = None
    on_request: Callable[[Observation, int], object] | None = None


def create_function(
    runtime: Runtime,
    settings: ServingSettings,
    *,
    log: Path,
    told: Told = Told(),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Function:
    """The inference service with `settings`, for `lading.emulator.processes.server.serve`.

    Args:
        runtime: `process` works everywhere and at once; `lambda` is AWS's own, on Linux.
        settings: which models are served, from where.
        log: file to which the service's output is appended.
        variables: beside the settings', for AWS's clients under `lambda`; `process` has its own.
        told: who hears what `process` does; `lambda` tells nobody, as on Lambda.
    """
    if runtime == "process":
        return InProcessFunction(
            lambda: create_handler(settings, told.loaded, told.on_request), log=log
        )
    absolute = replace(settings, model_root=str(Path(settings.model_root).absolute()))
    told_too = {**variables, **absolute.to_environment()}
    return LambdaRuntimeFunction(told_too, log=log.absolute())
