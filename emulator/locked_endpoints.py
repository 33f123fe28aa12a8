"""The endpoints that a lock asks for, as processes of this machine.

An ONNX model is served by the service's own container, which answers as Triton does; a language
model by `transformers serve`. Instead of either, somebody may name a server that runs already.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from emulator.engine_process import EngineProcess, Program, service_container
from emulator.errors import EngineUnavailable
from emulator.language_engine import RunningServer, transformers_program
from emulator.sagemaker_endpoint import LocalEndpoint
from functions.inference.artifact import ENGINE, MODEL
from functions.inference.contract import DEFAULT_LABEL
from model_packaging.lock import read_lock, version_folder

_LANGUAGE_MODEL = "config.json"


def locked_endpoints(
    models: Iterable[str],
    lock: Path,
    *,
    name_of: Callable[[str], str],
    logs: Path,
    servers: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[LocalEndpoint]:
    """An endpoint for each of the models whose stable version goes to SageMaker.

    Args:
        models: names to look for in the lock.
        lock: the lock.
        name_of: what the endpoint of a model is called.
        logs: folder for what the engines say.
        servers: model -> URL of a running server that speaks OpenAI's API.

    Raises:
        LockError: the lock cannot be read, or names an artifact that is not here.
        EngineUnavailable: a model's engine does not run on this machine.
    """
    locked = read_lock(lock)
    for model in models:
        version = locked.model(model).labels.get(DEFAULT_LABEL)
        if version is None or locked.model(model).versions[version].engine is None:
            continue
        name = name_of(model)
        if model in servers:
            yield LocalEndpoint(name, RunningServer(name, servers[model]))
            continue
        program = _program(model, version_folder(lock, model, version) / ENGINE)
        yield LocalEndpoint(name, EngineProcess(name, program, logs / f"{name}.log"))


def _program(model: str, folder: Path) -> Program:
    if any(folder.glob(f"*/*/{MODEL}")):
        return service_container(folder)
    configuration = next(folder.rglob(_LANGUAGE_MODEL), None)
    if configuration is None:
        reason = f"{folder} holds neither an ONNX model nor a language model"
        raise EngineUnavailable(f"an engine for {model}", reason)
    return transformers_program(configuration.parent)
