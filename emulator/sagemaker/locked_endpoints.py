"""The endpoints of a lock, with engines of this machine behind them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.inference.artifact.specification import ENGINE
from lading.model_packaging.lock.file import read_lock, version_folder


def locked_endpoints(
    models: Iterable[str], lock: Path, engines: LocalEngines, name_of: Callable[[str], str]
) -> Iterator[LocalEndpoint]:
    """Yield an endpoint for each model whose stable version has an engine.

    Args:
        models: names of models in the lock.
        lock: path of the lock.
        engines: the engines of this machine.
        name_of: returns the name of a model's endpoint.

    Raises:
        LockError: the lock cannot be read, or an artifact is not on this machine.
        EngineUnavailable: a model's engine does not run on this machine.
    """
    locked = read_lock(lock)
    for model in models:
        version = locked.model(model).labels.get(DEFAULT_LABEL)
        engine = None if version is None else locked.model(model).versions[version].engine
        if version is not None and engine is not None:
            folder = version_folder(lock, model, version) / ENGINE
            name = name_of(model)
            behind = engines.engine(name, engine.name, folder)
            yield LocalEndpoint(name, behind, version=str(version))
