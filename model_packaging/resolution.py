"""Finds what a model is made of: its source, its destination, and the resulting identity."""

from collections import ChainMap
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import MODEL_FORMAT, PYTHON
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
from lading.model_packaging.native.own_class import PYTHON_CLASS
from lading.model_packaging.native.registry import find_native
from lading.model_packaging.optimizers.registry import OPTIMIZERS
from lading.model_packaging.sources.user_code import imported_files
from lading.model_packaging.specification import Source
from lading.model_packaging.steps.image_rows import named_files, takes_images

RECIPE = 6
"""Part of each identity: raise it when the same manifest, source and tools would now give another
model, also when a key's default changes."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model whose source exists; `served` is what its engine gets, if that is the source."""

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
    """Find everything that the manifest names, and reject what could not be built or served.

    Raises:
        PackagingError: something is missing or unknown, or has no effect on such a model.
    """
    if spec.may_have_engine:
        check_engine(spec, regions)
    if takes_trained_files(spec):
        return _resolve_files(spec, regions)
    if not spec.source.is_dir():
        require_file(spec.source, spec.place("source"))
    for key, path in spec.row_files().items():
        require_file(path, spec.place(key))
    converter = _converter_of(spec)
    for key in spec.original():
        if key not in (*converter.keys, "code", "image"):
            reason = f"has no effect on {converter.framework} models; remove it"
            raise ManifestError(spec.place(key), reason)
    for key, path in spec.original_files().items():
        require_file(path, spec.place(key))
    source = source_of(spec, converter)
    used = {name: version_of(name) for name in ("numpy", "onnxruntime")}
    more = [each.tools(spec) for each in OPTIMIZERS if each.applies(spec)]
    if spec.image:
        more.append(tool_versions(spec, "processing", "pillow"))
    tools = {**converter.tools(spec), **ChainMap(*map(dict, more)), **used}
    job = ConversionJob(spec, source, tools, regions, None, converter)
    return job, f"{spec.source}, {converter.framework}"


def _converter_of(spec: ModelSpec) -> Converter:
    if spec.runs_code:
        return PYTHON_CLASS
    find = find_native if spec.runs_natively else find_converter
    return find(spec.name, spec.source, spec.framework)


def _resolve_files(spec: ModelSpec, regions: Collection[str]) -> tuple[Resolved, str]:
    """Resolve a model whose trained files go to its engine unchanged."""
    for key in spec.conversion():
        reason = "has no effect on a model that is not converted; remove it"
        raise ManifestError(spec.place(key), reason)
    if not spec.source.is_dir():
        require_file(spec.source, spec.place("source"))
    served = serve(spec)
    source = Source(spec.source.name, served.name, f"sha256:{served.files.digest}", None)
    resolved = Resolved(spec, source, {}, regions, served)
    return resolved, f"{spec.source}, {len(served.files.files)} files for {served.name}"


def source_of(spec: ModelSpec, converter: Converter) -> Source:
    """Return the current source, with its digest and that of the data."""
    return Source(
        file=spec.source.name,
        framework=converter.framework,
        digest=_digest(
            spec.source.parent,
            (*converter.files(spec), *spec.original_files().values(), *imported_files(spec)),
        ),
        data=rows_digest(spec, spec.accuracy.data) if spec.accuracy else None,
    )


def require_file(path: Path, place: Place) -> None:
    """Check that a file of the manifest exists.

    Raises:
        FileMissing: it does not; the error says how to make it.
    """
    if path.is_file():
        return
    script = path.parent / "train.py"
    advice = f"run python {script}" if script.is_file() else "put it there or correct the path"
    raise FileMissing(place, path, advice)


def _digest(folder: Path, files: tuple[Path, ...]) -> str:
    """Return the digest of the model's file, or of the list of its files' names and digests."""
    digests = [[_named(folder, path), sha256(path.read_bytes())] for path in files]
    return digests[0][1] if len(digests) == 1 else sha256(canonical(digests))


def rows_digest(spec: ModelSpec, data: Path, *, images: bool | None = None) -> str:
    """Return the digest of a file of rows, and of the images that it names.

    `images` is as for `read_holdout`.
    """
    named = takes_images(spec) if images is None else images
    return _digest(data.parent, (data, *(named_files(data) if named else ())))


def _named(folder: Path, path: Path) -> str:
    """Return the path below the source's folder, so that it is the same in every checkout."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _placed(spec: ModelSpec) -> dict[str, Any] | None:
    """Return the part of a model's identity that says where it runs; None on Lambda."""
    if spec.may_have_engine:
        return engine_identity(spec)
    if spec.runs_natively:
        own = {"name": PYTHON, "target": spec.target}
        return own if spec.runs_code else {"name": "native"}
    return None if spec.target == "lambda" else {"target": spec.target}


def identity_of(job: Resolved) -> str:
    """SHA-256 over all that decides what is published: the same identity is the same version."""
    spec, calibration = job.spec, job.spec.quantize.calibration
    document: dict[str, Any] = {
        "recipe": RECIPE,
        "format_version": MODEL_FORMAT,
        "name": spec.name,
        "source": job.source.digest,
        "framework": job.source.framework,
        "manifest": spec.conversion(),
        "data": job.source.data,
        "calibration": rows_digest(spec, calibration) if calibration else None,
        "optimizers": [each.stage for each in OPTIMIZERS if each.applies(spec)],
        "tools": dict(job.tools),
        "engine": _placed(spec),
    }
    if spec.explain and spec.explain.data:
        document["background"] = rows_digest(spec, spec.explain.data)
    if spec.example:
        document["example"] = sha256(spec.example)
    if spec.unpruned:
        document["unpruned"] = sha256(spec.unpruned.read_bytes())
    return sha256(canonical(document))
