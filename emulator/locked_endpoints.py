"""The endpoints that a lock asks for, as processes of this machine.

Whatever has an ONNX model in its engine's folder is served by the service's own container, which
answers as Triton does; a language model needs an engine that somebody runs already.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from emulator.engine_process import EngineProcess, service_container
from emulator.errors import EngineUnavailable
from emulator.sagemaker_endpoint import LocalEndpoint
from functions.inference.artifact import ENGINE, MODEL
from functions.inference.contract import DEFAULT_LABEL
from model_packaging.lock import read_lock, version_folder


def locked_endpoints(
    models: Iterable[str], lock: Path, name_of: Callable[[str], str], logs: Path
) -> Iterator[LocalEndpoint]:
    """An endpoint for each of the models whose stable version goes to SageMaker.

    Args:
        models: names to look for in the lock.
        lock: the lock.
        name_of: what the endpoint of a model is called.
        logs: folder for what the engines say.

    Raises:
        LockError: the lock cannot be read, or names an artifact that is not here.
        EngineUnavailable: a model's engine does not run on this machine.
    """
    locked = read_lock(lock)
    for model in models:
        version = locked.model(model).labels.get(DEFAULT_LABEL)
        if version is None or locked.model(model).versions[version].engine is None:
            continue
        folder = version_folder(lock, model, version) / ENGINE
        if not any(folder.glob(f"*/*/{MODEL}")):
            raise EngineUnavailable(model, f"{folder} holds no model that Lading itself can serve")
        name = name_of(model)
        yield LocalEndpoint(
            name, EngineProcess(name, service_container(folder), logs / f"{name}.log")
        )
