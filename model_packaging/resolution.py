"""What a model is made of: its source, where it goes, and the identity that follows from both."""

from collections import ChainMap
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass
from importlib.metadata import version as version_of
from pathlib import Path

from lading.functions.inference.artifact.reading import MODEL_FORMAT, sha256
from lading.model_packaging.conversion import Converter, tool_versions
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.documents import canonical
from lading.model_packaging.engines.served import (
    Served,
    check_engine,
    engine_identity,
    serve,
    takes_trained_files,
)
from lading.model_packaging.errors import FileMissing, ManifestError, Place
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.optimizers.registry import OPTIMIZERS
from lading.model_packaging.sources.user_code import imported_files
from lading.model_packaging.specification import Source
from lading.model_packaging.steps.image_rows import named_files, takes_images

RECIPE = 4
"""Part of each identity: raise it when the same source and tools would now give another model."""
SIGNATURES = 1
"""The same, of frameworks whose models have signatures."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model whose source is there; `served` is what its engine gets, if that is the source."""

    spec: ModelSpec
    source: Source
    tools: Mapping[str, str]
    regions: Collection[str]
    served: Served | None


@dataclass(frozen=True, slots=True)
class ConversionJob(Resolved):
    """A model to convert."""

    converter: Converter


def resolve(spec: ModelSpec, regions: Collection[str]) -> tuple[Resolved, str]:
    """Find everything that the manifest names, and refuse what could not be built or served.

    Raises:
        PackagingError: something is missing, unknown, or says nothing to such a model.
    """
    if spec.target != "lambda":
        check_engine(spec, regions)
    if takes_trained_files(spec):
        return _resolve_files(spec, regions)
    if not spec.source.is_dir():
        _require(spec.source, spec.place("source"))
    if spec.accuracy:
        _require(spec.accuracy.data, spec.place("accuracy.data"))
    for key, path in _optimizing_files(spec).items():
        _require(path, spec.place(key))
    converter = find_converter(spec.name, spec.source, spec.framework)
    for key in spec.original.stated():
        if key not in (*converter.keys, "code", "image"):
            reason = f"says nothing to {converter.framework} models; remove it"
            raise ManifestError(spec.place(key), reason)
    for key, path in spec.original.files().items():
        _require(path, spec.place(key))
    source = source_of(spec, converter)
    used = {name: version_of(name) for name in ("numpy", "onnxruntime")}
    asked = [each.tools(spec) for each in OPTIMIZERS if each.options(spec) is not None]
    if spec.original.image:
        asked.append(tool_versions(spec, "processing", "pillow"))
    tools = {**converter.tools(spec), **ChainMap(*map(dict, asked)), **used}
    job = ConversionJob(spec, source, tools, regions, None, converter)
    return job, f"{spec.source}, {converter.framework}"


def _resolve_files(spec: ModelSpec, regions: Collection[str]) -> tuple[Resolved, str]:
    """A model that goes to its engine as it is."""
    stated = [*spec.original.stated(), *_asked(spec), *(("accuracy",) if spec.accuracy else ())]
    if stated:
        raise ManifestError(
            spec.place(stated[0]), "says nothing to a model that is not converted; remove it"
        )
    if not spec.source.is_dir():
        _require(spec.source, spec.place("source"))
    served = serve(spec)
    source = Source(spec.source.name, served.name, f"sha256:{served.files.digest}", None)
    resolved = Resolved(spec, source, {}, regions, served)
    return resolved, f"{spec.source}, {len(served.files.files)} files for {served.name}"


def _optimizing_files(spec: ModelSpec) -> dict[str, Path]:
    """Files that optimizers read, by the manifest's key."""
    return {key: path for each in OPTIMIZERS for key, path in each.files(spec).items()}


def source_of(spec: ModelSpec, converter: Converter) -> Source:
    """The source as it is now, by its digest and that of the data."""
    return Source(
        file=spec.source.name,
        framework=converter.framework,
        digest=_digest(
            spec.source.parent,
            (*converter.files(spec), *spec.original.files().values(), *imported_files(spec)),
        ),
        data=_rows_digest(spec, spec.accuracy.data) if spec.accuracy else None,
    )


def _require(path: Path, place: Place) -> None:
    if path.is_file():
        return
    script = path.parent / "train.py"
    advice = f"run python {script}" if script.is_file() else "put it there or correct the path"
    raise FileMissing(place, path, advice)


def _digest(folder: Path, files: tuple[Path, ...]) -> str:
    """Digest of the model's file, or of the list of its files' names and digests."""
    digests = [[_named(folder, path), sha256(path.read_bytes())] for path in files]
    return digests[0][1] if len(digests) == 1 else sha256(canonical(digests))


def _rows_digest(spec: ModelSpec, data: Path) -> str:
    """Digest of a file of rows, and of the images that it names."""
    return _digest(data.parent, (data, *(named_files(data) if takes_images(spec) else ())))


def _named(folder: Path, path: Path) -> str:
    """The path below the source's folder, so that it is the same in every checkout."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def identity_of(job: Resolved) -> str:
    """SHA-256 over all that decides what is published: the same again is the same version."""
    accuracy, stated = job.spec.accuracy, job.spec.original.stated()
    return sha256(
        canonical(
            {
                "recipe": RECIPE,
                "format_version": MODEL_FORMAT,
                "name": job.spec.name,
                "source": job.source.digest,
                "framework": job.source.framework,
                **({"original": stated} if stated else {}),
                **({"signatures": SIGNATURES} if _has_signatures(job) else {}),
                "optimise": _asked(job.spec),
                "accuracy": [*astuple(accuracy)[1:]] if accuracy else None,
                "data": job.source.data,
                "tools": dict(job.tools),
                **({} if job.spec.target == "lambda" else {"engine": engine_identity(job.spec)}),
            }
        )
    )


def _has_signatures(job: Resolved) -> bool:
    return isinstance(job, ConversionJob) and "signature" in job.converter.keys


def _asked(spec: ModelSpec) -> dict[str, object]:
    """What is to be done to the model, and digests of the files that it takes."""
    options = {each.stage: each.options(spec) for each in OPTIMIZERS}
    digests = {key: _rows_digest(spec, path) for key, path in _optimizing_files(spec).items()}
    return {**{stage: given for stage, given in options.items() if given}, **digests}
