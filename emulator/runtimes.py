"""Where `lading serve` runs the inference service: here, or under AWS's own runtime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from emulator.function import Function
from emulator.lambda_runtime import LambdaRuntimeFunction
from emulator.process import InProcessFunction
from functions.inference.catalog import Catalog
from functions.inference.exchange import Observation
from functions.inference.handler import create_handler
from functions.inference.settings import Settings

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
    settings: Settings,
    *,
    log: Path,
    told: Told = Told(),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Function:
    """The inference service with `settings`, for `emulator.server.serve`.

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
