"""The versions of a lock, for the commands that serve or read them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from lading.api.errors import EngineNeeded, NothingLocked, NotServable
from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.contract.split import VersionSplit
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import Artifact
from lading.functions.inference.graphs.predictor import open_here
from lading.functions.inference.models.predictor import Predictor
from lading.model_packaging.lock.file import (
    Lock,
    LockedModel,
    local_roots,
    read_lock,
    version_folder,
)

LOCK: Final = Path("models.lock.json")
STORE: Final = "artifacts"
"""The store beside the lock."""

SplitOf = Callable[[str, LockedModel], VersionSplit | None]
"""Model, its entry in the lock -> its versions that answer side by side; None: one answers all. It
raises ValueError if they cannot."""


def _unsplit(_name: str, _model: LockedModel) -> None:
    """No model is split."""


def served_settings(
    lock_path: Path, names: Iterable[str], threads: int = 0, split_of: SplitOf = _unsplit
) -> ServingSettings:
    """Return settings that serve the labeled versions of these models, or of all in the lock.

    Args:
        lock_path: models.lock.json.
        names: the models; none: all.
        threads: threads of one prediction.
        split_of: which versions of a model share its requests.

    Raises:
        NothingLocked: the lock does not have a model, or is empty.
        CopyElsewhere: a version is in S3, but not on this machine.
        NotServable: the versions are in different stores, or cannot share requests.
    """
    lock = read_lock(lock_path)
    wanted = list(names) or lock.names()
    if not wanted:
        raise NothingLocked(lock_path, "model to serve")
    models = [_served(lock_path, lock, name, split_of) for name in wanted]
    root = _common_root(
        [
            local_roots(lock_path, model.name, version, lock.model(model.name).versions[version])
            for model in models
            for version in model.versions
        ]
    )
    return ServingSettings(
        models=tuple(models),
        model_root=str(root.resolve()),
        threads=threads,
        note_answers=any(model.split for model in models),
    )


def _common_root(roots: list[list[Path]]) -> Path:
    """Return the first store that holds every version."""
    for root in roots[0]:
        if all(root in others for others in roots):
            return root
    listed = ", ".join(sorted({str(root) for others in roots for root in others}))
    raise NotServable(
        f"the versions are in several stores ({listed}); package or pull them into one"
    )


def chosen_version(
    lock_path: Path, name: str, version: int | None = None, label: str | None = None
) -> int:
    """Return the version with a number or a label, else the stable one, else the newest.

    Raises:
        NothingLocked: the lock does not have it.
    """
    model = locked_model(lock_path, read_lock(lock_path), name)
    if label is not None:
        if label not in model.labels:
            raise NothingLocked(lock_path, f"version of model '{name}' labeled '{label}'")
        return model.labels[label]
    default = model.labels.get(DEFAULT_LABEL, max(model.versions))
    chosen = default if version is None else version
    if chosen not in model.versions:
        raise NothingLocked(lock_path, f"version {chosen} of model '{name}'")
    return chosen


def locked_model(lock_path: Path, lock: Lock, name: str) -> LockedModel:
    """Return a model's entry.

    Raises:
        NothingLocked: the lock has no version of it.
    """
    model = lock.model(name)
    if not model.versions:
        raise NothingLocked(lock_path, f"model '{name}'")
    return model


def _served(lock_path: Path, lock: Lock, name: str, split_of: SplitOf) -> ServedModel:
    model = locked_model(lock_path, lock, name)
    try:
        split = split_of(name, model)
    except ValueError as error:
        raise NotServable(f"model '{name}': {error}") from error
    labeled = {*model.labels.values(), *(split.percents if split else ())} or {max(model.versions)}
    digests = {version: model.versions[version].digest for version in sorted(labeled)}
    return ServedModel(name, digests, dict(model.labels), split=split)


def read_locked(lock: Path, name: str, version: int) -> Artifact:
    """Return the artifact of a locked version that this process can load.

    Raises:
        EngineNeeded: an engine serves it.
        ArtifactError: it is missing or damaged.
    """
    digest = read_lock(lock).digests(name)[version]
    artifact = read_artifact(version_folder(lock, name, version), digest)
    if engine := artifact.engine_name():
        raise EngineNeeded(name, engine)
    return artifact


def open_locked(lock: Path, name: str, version: int) -> Predictor:
    """Return a locked version, loaded in this process.

    Raises:
        EngineNeeded: an engine serves it.
        ArtifactError: it is missing or damaged.
    """
    return open_here(read_locked(lock, name, version), version)
