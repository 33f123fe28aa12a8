"""Reads and verifies a packaged model.

A version is a folder, `models/<name>/<version>/`, or one zip with that folder in it (`archive.py`):

- `model.onnx`      the model
- `golden.json`     requests with their expected answers
- `baseline.json`   the distribution of usual inputs and answers, if it was packaged from real rows
- `background.json` rows beside which answers are explained, if they are; see `explaining`
- `artifact.json`   what the model is, and the SHA-256 of each file above
- `report.json`     benchmark figures, outside the identity and not verified
- `README.md`       the model card, outside the identity and not verified
- `signature-1.onnx`, ... the models of further signatures, if there are some; see `signatures.py`
- `engine/`         instead of `model.onnx`: what an engine on SageMaker loads (format 2; format 3
                    with processing steps before it). It may be large, is never part of a zip, and
                    is not read here
- `<model>.<file>`  instead of `model.onnx`: the files of the models of a graph (format 4); see
                    `graph.py`
- `<file>`          instead of `model.onnx`: the file of a framework, whose own runtime computes
                    it (format 5); `native` has its name

`artifact.json` is the root: the lock pins its SHA-256, and it pins the files, those of the engine
under `engine.files`. Nothing is ever unpickled, and nothing is executed except the code that the
manifest names under `code`, and the class of `engine: python`.

How to change the format: raise `FORMAT_VERSION` if an older reader would misread a new artifact
(a new optional key does not need it), and write the lowest version that can express the artifact;
keep an artifact of each kind in `tests/contracts/formats/`, where a test loads it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from lading.functions.contract.errors import ArtifactCorrupt, ArtifactMissing, ArtifactTooNew
from lading.functions.contract.names import NAME_PATTERN
from lading.functions.inference.artifact.specification import (
    ENGINE_FORMAT,
    FORMAT_VERSION,
    GOLDEN,
    GRAPH_FORMAT,
    MODEL,
    NATIVE_FORMAT,
    SPECIFICATION,
    Artifact,
    EngineSection,
    NativeSection,
    TensorSpec,
    with_domains,
)

MAX_SPECIFICATION_BYTES = 1 << 20

_LAYOUT = ("models", "<name>", "<version>", "<file>")


def sha256(content: bytes) -> str:
    """Return the digest of `content` in Lading's form: `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def shown(path: Path) -> str:
    """Return a path for error texts, from `models/` on: callers must not see what is above."""
    return PurePath(*path.parts[-len(_LAYOUT) :]).as_posix()


def read_artifact(
    folder: Path, digest: str | None = None, held: Mapping[str, bytes] | None = None
) -> Artifact:
    """Read and verify an artifact.

    Args:
        folder: the version's folder.
        digest: expected SHA-256 of `artifact.json`, from the lock; None accepts any.
        held: the files in memory by name; then `folder` need not exist, and only names them.

    Raises:
        ArtifactMissing: the specification or a file that it names is missing.
        ArtifactCorrupt: a digest differs, or the specification cannot be read.
        ArtifactTooNew: the format version is above `FORMAT_VERSION`.
    """
    place = shown(folder / SPECIFICATION)
    content = _read(folder / SPECIFICATION, held, MAX_SPECIFICATION_BYTES)
    found = sha256(content)
    if digest is not None and digest != found:
        raise ArtifactCorrupt(place, f"has digest {found}, the lock states {digest}")
    document = _read_specification(place, content)
    contents = _verified(folder, document["files"], held)
    native = _native_of(document)
    model = native.file if native else MODEL
    artifact = Artifact(
        name=document["name"],
        identity=document["identity"],
        digest=found,
        inputs=_with_domains(document, place),
        outputs=document["outputs"],
        model=contents.get(model, b""),
        golden=contents.get(GOLDEN),
        specification=document,
        engine=document["engine"],
        files={name: each for name, each in contents.items() if name not in (model, GOLDEN)},
        native=native,
    )
    if document["format_version"] == GRAPH_FORMAT:
        from lading.functions.inference.artifact.graph import with_graph

        return with_graph(artifact, place, read_artifact)
    if "signatures" not in document:
        return artifact
    from lading.functions.inference.artifact.signatures import with_signatures

    return with_signatures(artifact, place)


def _with_domains(document: Mapping[str, Any], place: str) -> tuple[TensorSpec, ...]:
    """Return the inputs, each with the domain that `domains` states for it."""
    try:
        return with_domains(document["inputs"], document.get("domains", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactCorrupt(place, f"has domains that cannot be read: {error!r}") from error


def _read_specification(place: str, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
        version = document["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"is not the specification of an artifact: {error!r}"
        raise ArtifactCorrupt(place, reason) from error
    if type(version) is not int or version < 1:
        raise ArtifactCorrupt(place, f"has an invalid format version {version!r}")
    if version > FORMAT_VERSION:
        raise ArtifactTooNew(place, version, FORMAT_VERSION)
    try:
        tensors = {
            side: tuple(TensorSpec.from_json(tensor) for tensor in document[side])
            for side in ("inputs", "outputs")
        }
        texts = {key: str(document[key]) for key in ("name", "identity")}
        files = {str(name): str(digest) for name, digest in document["files"].items()}
        served = ENGINE_FORMAT <= version < GRAPH_FORMAT
        engine = EngineSection.from_json(document["engine"]) if served else None
        native = _native_of(document)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ArtifactCorrupt(place, f"cannot be read: {error!r}") from error
    if not re.fullmatch(NAME_PATTERN, texts["name"]):
        raise ArtifactCorrupt(place, f"has an invalid model name {texts['name']!r}")
    if (MODEL in files) + (engine is not None) + (version >= GRAPH_FORMAT) != 1:
        raise ArtifactCorrupt(place, f"must name {MODEL} or an engine or a graph, and not both")
    if native and native.file not in files:
        raise ArtifactCorrupt(place, f"does not list the file of its model, {native.file!r}")
    if engine and tensors["outputs"] and not {"inputs", "outputs"} <= document["engine"].keys():
        raise ArtifactCorrupt(place, "does not state the inputs and outputs of its engine")
    return {**document, **tensors, **texts, "files": files, "engine": engine}


def _native_of(document: Mapping[str, Any]) -> NativeSection | None:
    """Return what computes a model that is not converted; None for other artifacts."""
    kept = document["format_version"] == NATIVE_FORMAT
    return NativeSection.from_json(document["native"]) if kept else None


def _verified(
    folder: Path, digests: Mapping[str, str], held: Mapping[str, bytes] | None
) -> dict[str, bytes]:
    """Return the contents of the files in `digests`, each verified."""
    contents = {}
    for name, expected in digests.items():
        if Path(name).name != name:
            place = shown(folder / SPECIFICATION)
            raise ArtifactCorrupt(place, f"names a file outside its folder: {name!r}")
        contents[name] = _read(folder / name, held)
        found = sha256(contents[name])
        if found != expected:
            reason = f"has digest {found}, {SPECIFICATION} states {expected}"
            raise ArtifactCorrupt(shown(folder / name), reason)
    return contents


def _read(path: Path, held: Mapping[str, bytes] | None, limit: int | None = None) -> bytes:
    """Return the content of a file, in memory or on disk; its size is checked before it is read."""
    try:
        size = path.stat().st_size if held is None else len(held[path.name])
        if limit is not None and size > limit:
            raise ArtifactCorrupt(shown(path), f"is larger than {limit} bytes")
        return path.read_bytes() if held is None else held[path.name]
    except (OSError, KeyError) as error:
        raise ArtifactMissing(shown(path)) from error
