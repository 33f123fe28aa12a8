"""The endpoints that a lock asks for, with engines of this machine behind them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.inference.artifact.specification import ENGINE
from lading.model_packaging.lock.file import read_lock, version_folder


def locked_endpoints(
    models: Iterable[str], lock: Path, room: LocalEngines, name_of: Callable[[str], str]
) -> Iterator[LocalEndpoint]:
    """An endpoint for each of the models whose stable version goes to SageMaker.

    Args:
        models: names to look for in the lock.
        lock: the lock.
        room: where engines come from.
        name_of: what the endpoint of a model is called.

    Raises:
        LockError: the lock cannot be read, or names an artifact that is not here.
        EngineUnavailable: a model's engine does not run on this machine.
    """
    locked = read_lock(lock)
    for model in models:
        version = locked.model(model).labels.get(DEFAULT_LABEL)
        engine = None if version is None else locked.model(model).versions[version].engine
        if version is not None and engine is not None:
            folder = version_folder(lock, model, version) / ENGINE
            name = name_of(model)
            yield LocalEndpoint(name, room.engine(name, engine.name, folder))
