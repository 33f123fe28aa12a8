"""Where `lading serve` runs the inference service: here, or under AWS's own runtime."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from emulator.function import Function
from emulator.lambda_runtime import LambdaRuntimeFunction
from emulator.process import InProcessFunction
from functions.inference.handler import create_handler
from functions.inference.prometheus import Metrics
from functions.inference.settings import Settings

Runtime = Literal["process", "lambda"]


def create_function(
    runtime: Runtime,
    settings: Settings,
    *,
    log: Path,
    metrics: Metrics | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Function:
    """The inference service with `settings`, for `emulator.server.serve`.

    Args:
        runtime: `process` works everywhere and at once; `lambda` is AWS's own, on Linux.
        settings: which models are served, from where.
        log: file to which the service's output is appended.
        variables: beside the settings', for AWS's clients under `lambda`; `process` has its own.
        metrics: told of each request that `process` answers; `lambda` tells nobody, as on Lambda.
    """
    if runtime == "process":
        told = (metrics.note_models, metrics.note) if metrics else ()
        return InProcessFunction(lambda: create_handler(settings, *told), log=log)
    absolute = dataclasses.replace(settings, model_root=str(Path(settings.model_root).absolute()))
    told_too = {**variables, **absolute.to_environment()}
    return LambdaRuntimeFunction(told_too, log=log.absolute())
