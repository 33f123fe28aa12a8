"""Prepares a model for its engine: the files, the container's settings, and the lock's entry."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lading.functions.inference.artifact.specification import Artifact
from lading.model_packaging.engines.gpu_drivers import fitting_ami
from lading.model_packaging.engines.images import images
from lading.model_packaging.engines.registry import engine_of
from lading.model_packaging.engines.serving import Converted, Serving
from lading.model_packaging.errors import SourceError
from lading.model_packaging.lock.file import LockedEngine
from lading.model_packaging.manifest.engine_options import check_options
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.tarball import archived
from lading.model_packaging.store.engine_files import EngineFiles, engine_digest, gather

RECIPE = 1
"""Part of each identity: raise it when the same model would now get other files of its engine."""


@dataclass(frozen=True, slots=True)
class Served:
    """An engine's entry in artifact.json, and its files."""

    name: EngineName
    specification: dict[str, Any]
    """`engine` of artifact.json."""
    files: EngineFiles


def takes_trained_files(spec: ModelSpec) -> bool:
    """Return whether the engine gets the trained files unchanged."""
    return spec.may_have_engine and not engine_of(spec).takes_onnx


def check_engine(spec: ModelSpec, regions: Iterable[str]) -> None:
    """Reject, before anything is built, what the engine or its images would reject later.

    Raises:
        ManifestError: the engine does not have an option.
        ImageUnknown: one of the regions has no image of it.
    """
    engine = engine_of(spec)
    check_options(spec, engine.rules)
    if spec.target == "sagemaker":
        images(spec, engine.name, regions)


def engine_identity(spec: ModelSpec) -> dict[str, Any]:
    """Return the part of a model's identity that describes its engine."""
    engine = engine_of(spec)
    options = check_options(spec, engine.rules)
    return {"target": spec.target, "name": engine.name, "options": options, "recipe": RECIPE}


def serve(spec: ModelSpec, model: Converted | None = None) -> Served:
    """Prepare a model for its engine.

    Args:
        spec: the model, from the manifest.
        model: the converted model or models, for an engine that needs them.

    Raises:
        SourceError: the engine cannot serve the trained files, or they cannot be read.
        ManifestError: an option is invalid.
    """
    engine = engine_of(spec)
    options = check_options(spec, engine.rules)
    serving = engine.write(spec, options, model)
    document = {
        "name": engine.name,
        "options": options,
        "environment": dict(serving.environment),
        "archive": serving.archive,
        **(_signature(model) if model else {}),
    }
    files = _gathered(spec, serving)
    listed = {path: file._asdict() for path, file in files.files.items()}
    return Served(engine.name, {**document, "files": listed}, files)


def _signature(model: Converted) -> dict[str, Any]:
    """Return the engine's inputs and outputs, which processing steps may hide from callers."""
    return {
        "inputs": [spec.to_json() for spec in model.inputs],
        "outputs": [spec.to_json() for spec in model.outputs],
    }


def _gathered(spec: ModelSpec, serving: Serving) -> EngineFiles:
    try:
        files = gather(spec.name, spec.source, serving.contents)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise SourceError(spec.name, spec.source, reason) from error
    return archived(files) if serving.archive else files


def locked_engine(
    spec: ModelSpec, artifact: Artifact, regions: Iterable[str]
) -> LockedEngine | None:
    """Return the lock's entry for an artifact's engine; None when it has none.

    Raises:
        ImageUnknown: one of the regions has no image of it.
    """
    engine = artifact.engine
    if engine is None:
        return None
    name = engine_of(spec).name
    found = images(spec, name, regions)
    amis = {region: fitting_ami(image) for region, image in found.items()}
    return LockedEngine(
        name=name,
        digest=engine_digest(engine.files),
        images=found,
        amis={region: ami for region, ami in amis.items() if ami},
        environment=dict(engine.environment),
        archive=engine.archive,
    )
