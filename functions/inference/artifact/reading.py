"""A packaged model: its format, and how it is read and verified.

A version is a folder, `models/<name>/<version>/`, or one zip with that folder in it (`archive.py`):

- `model.onnx`      the model
- `golden.json`     requests with their expected answers
- `artifact.json`   what the model is, and the SHA-256 of each file above
- `report.json`     benchmark figures, outside the identity and not verified
- `signature-1.onnx`, ... the models of further signatures, if there are some; see `signatures.py`
- `engine/`         instead of `model.onnx`: what an engine on SageMaker loads (format 2; format 3
                    with processing steps before it). It may be large, is never part of a zip, and
                    is not read here

`artifact.json` is the root: the lock pins its SHA-256, and it pins the files, those of the engine
under `engine.files`. Nothing is ever unpickled, and nothing is executed except the code that the
manifest names under `code`.

How to change the format: raise `FORMAT_VERSION` if an older reader would misread a new artifact
(a new optional key does not need it), and write the lowest version that can express the artifact;
keep an artifact of each kind in `tests/contracts/formats/`, where a test loads it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple, Protocol

from lading.functions.contract.errors import ArtifactCorrupt, ArtifactMissing, ArtifactTooNew
from lading.functions.contract.names import NAME_PATTERN
from lading.functions.inference.artifact.specification import (
    ENGINE_FORMAT,
    FORMAT_VERSION,
    GOLDEN,
    MODEL,
    SPECIFICATION,
    Artifact,
    EngineSection,
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


class Files(Protocol):
    """The files of an artifact, read by name."""

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return the content of a file.

        Raises:
            ArtifactMissing: it is not there.
            ArtifactCorrupt: it is larger than `limit`.
        """

    def place(self, name: str) -> str:
        """Return the path of a file for error texts."""


class FolderFiles(NamedTuple):
    """The files in a folder."""

    folder: Path

    def read(self, name: str, limit: int | None = None) -> bytes:
        """See `Files.read`."""
        path = self.folder / name
        try:
            if limit is not None:
                _check_size(self.place(name), path.stat().st_size, limit)
            return path.read_bytes()
        except OSError as error:
            raise ArtifactMissing(self.place(name)) from error

    def place(self, name: str) -> str:
        """See `Files.place`."""
        return shown(self.folder / name)


class HeldFiles(NamedTuple):
    """Files in memory, of the version whose folder would be `folder`."""

    folder: str
    contents: Mapping[str, bytes]

    def read(self, name: str, limit: int | None = None) -> bytes:
        """See `Files.read`."""
        if name not in self.contents:
            raise ArtifactMissing(self.place(name))
        if limit is not None:
            _check_size(self.place(name), len(self.contents[name]), limit)
        return self.contents[name]

    def place(self, name: str) -> str:
        """See `Files.place`."""
        return f"{self.folder}/{name}"


def read_artifact(files: Files | Path, digest: str | None = None) -> Artifact:
    """Read and verify an artifact.

    Args:
        files: the version's folder, or its files held elsewhere.
        digest: expected SHA-256 of `artifact.json`, from the lock; None trusts the artifact's own.

    Raises:
        ArtifactMissing: the specification or a file that it names is missing.
        ArtifactCorrupt: a digest differs, or the specification cannot be read.
        ArtifactTooNew: the format version is above `FORMAT_VERSION`.
    """
    source = FolderFiles(files) if isinstance(files, Path) else files
    place = source.place(SPECIFICATION)
    content = source.read(SPECIFICATION, MAX_SPECIFICATION_BYTES)
    found = sha256(content)
    if digest is not None and digest != found:
        raise ArtifactCorrupt(place, f"has digest {found}, the lock states {digest}")
    document = _read_specification(place, content)
    contents = _verified(source, document["files"])
    artifact = Artifact(
        name=document["name"],
        identity=document["identity"],
        digest=found,
        inputs=_with_domains(document, place),
        outputs=document["outputs"],
        model=contents.get(MODEL, b""),
        golden=contents.get(GOLDEN),
        specification=document,
        engine=document["engine"],
        files={name: each for name, each in contents.items() if name not in (MODEL, GOLDEN)},
    )
    if "signatures" not in document:
        return artifact
    from lading.functions.inference.artifact.signatures import with_signatures

    return with_signatures(artifact, place)


def _with_domains(document: Mapping[str, Any], place: str) -> tuple[TensorSpec, ...]:
    """The inputs, each with the domain that `domains` states for it."""
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
        raise ArtifactCorrupt(place, f"has an impossible format version {version!r}")
    if version > FORMAT_VERSION:
        raise ArtifactTooNew(place, version, FORMAT_VERSION)
    try:
        tensors = {
            side: tuple(TensorSpec.from_json(tensor) for tensor in document[side])
            for side in ("inputs", "outputs")
        }
        texts = {key: str(document[key]) for key in ("name", "identity")}
        files = {str(name): str(digest) for name, digest in document["files"].items()}
        engine = EngineSection.from_json(document["engine"]) if version >= ENGINE_FORMAT else None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ArtifactCorrupt(place, f"cannot be read: {error!r}") from error
    if not re.fullmatch(NAME_PATTERN, texts["name"]):
        raise ArtifactCorrupt(place, f"has an impossible model name {texts['name']!r}")
    if (MODEL in files) == (engine is not None):
        raise ArtifactCorrupt(place, f"must name {MODEL} or an engine, and not both")
    if engine and tensors["outputs"] and not {"inputs", "outputs"} <= document["engine"].keys():
        raise ArtifactCorrupt(place, "does not state the inputs and outputs of its engine")
    return {**document, **tensors, **texts, "files": files, "engine": engine}


def _verified(files: Files, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Contents of the files in `digests`, each checked."""
    contents = {}
    for name, expected in digests.items():
        if Path(name).name != name:
            place = files.place(SPECIFICATION)
            raise ArtifactCorrupt(place, f"names a file outside its folder: {name!r}")
        contents[name] = files.read(name)
        found = sha256(contents[name])
        if found != expected:
            reason = f"has digest {found}, {SPECIFICATION} states {expected}"
            raise ArtifactCorrupt(files.place(name), reason)
    return contents


def _check_size(place: str, size: int, limit: int) -> None:
    if size > limit:
        raise ArtifactCorrupt(place, f"is larger than {limit} bytes")
