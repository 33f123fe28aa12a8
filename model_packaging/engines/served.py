"""A model as its engine gets it: the files, how the container is told, and what the lock says."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lading.functions.inference.artifact.specification import Artifact
from lading.model_packaging.engines.images import images
from lading.model_packaging.engines.registry import engine_of
from lading.model_packaging.engines.serving import OnnxModel, Serving
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
    """What an artifact says of its engine, and the engine's files."""

    name: EngineName
    specification: dict[str, Any]
    """`engine` of artifact.json."""
    files: EngineFiles


def takes_trained_files(spec: ModelSpec) -> bool:
    """Whether the model goes to its engine as it is, unconverted."""
    return spec.target != "lambda" and not engine_of(spec).takes_onnx


def check_engine(spec: ModelSpec, regions: Iterable[str]) -> None:
    """Refuse, before anything is built, what the engine or its images would refuse later.

    Raises:
        ManifestError: an option that the engine does not have.
        ImageUnknown: there is no image of it in one of the regions.
    """
    engine = engine_of(spec)
    check_options(spec, engine.rules)
    if spec.target == "sagemaker":
        images(spec, engine.name, regions)


def engine_identity(spec: ModelSpec) -> dict[str, Any]:
    """The part of a model's identity that says what it is served by, and how."""
    engine = engine_of(spec)
    options = check_options(spec, engine.rules)
    return {"target": spec.target, "name": engine.name, "options": options, "recipe": RECIPE}


def serve(spec: ModelSpec, model: OnnxModel | None = None) -> Served:
    """Give a model to its engine.

    Args:
        spec: the model, from the manifest.
        model: the converted model, for an engine that takes one.

    Raises:
        SourceError: the trained files are not what the engine serves, or cannot be read.
        ManifestError: an option is not what it must be.
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


def _signature(model: OnnxModel) -> dict[str, Any]:
    """What the engine takes and gives: callers see something else through processing steps."""
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
    """What the lock says of an artifact's engine; None when it has none.

    Raises:
        ImageUnknown: there is no image of it in one of the regions.
    """
    engine = artifact.engine
    if engine is None:
        return None
    name = engine_of(spec).name
    return LockedEngine(
        name=name,
        digest=engine_digest(engine.files),
        images=images(spec, name, regions),
        environment=dict(engine.environment),
        archive=engine.archive,
    )
