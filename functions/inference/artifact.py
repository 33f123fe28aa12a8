"""A packaged model on disk: its format, and how it is read and verified.

A version is a folder, `models/<name>/<version>/`:

- `model.onnx`      the model
- `golden.json`     requests with their expected answers
- `artifact.json`   what the model is, and the SHA-256 of each file above
- `report.json`     benchmark figures, outside the identity and not verified

`artifact.json` is the root: the lock pins its SHA-256, it pins the files. Nothing here is ever
unpickled or executed.

How to change the format: raise `FORMAT_VERSION` when an older reader would misread a new artifact
(a new optional key does not need it); keep reading every earlier version in `_read_specification`;
keep an artifact of each version below `tests/contracts/formats/`, where a test loads it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from functions.inference.contract import NAME_PATTERN
from functions.inference.errors import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactTooNew,
)

FORMAT_VERSION = 1

SPECIFICATION = "artifact.json"
MODEL = "model.onnx"
GOLDEN = "golden.json"
REPORT = "report.json"

MAX_SPECIFICATION_BYTES = 1 << 20

_LAYOUT = ("models", "<name>", "<version>", "<file>")


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: name, datatype (Open Inference Protocol name), shape (-1 is any)."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """As written in `artifact.json` and in model metadata."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "TensorSpec":
        """The inverse of `to_json`."""
        shape = tuple(int(size) for size in document["shape"])
        return cls(str(document["name"]), str(document["datatype"]), shape)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified artifact; `model` holds the very bytes whose digest was checked."""

    folder: Path
    name: str
    identity: str
    digest: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    model: bytes
    specification: Mapping[str, Any]


def sha256(content: bytes) -> str:
    """Digest of `content` as written everywhere in Lading: `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def shown(path: Path) -> str:
    """A path as errors name it: from `models/` on, since callers must not learn what is above."""
    return PurePath(*path.parts[-len(_LAYOUT) :]).as_posix()


def read_artifact(folder: Path, digest: str | None = None) -> Artifact:
    """Read and verify the artifact in `folder`.

    Args:
        folder: the version's folder.
        digest: expected SHA-256 of `artifact.json`, from the lock; None trusts the folder's own.

    Raises:
        ArtifactMissing: the specification or a file that it names is not there.
        ArtifactCorrupt: a digest differs, or the specification cannot be read.
        ArtifactTooNew: the format version is above `FORMAT_VERSION`.
    """
    path = folder / SPECIFICATION
    content = _read(path, MAX_SPECIFICATION_BYTES)
    found = sha256(content)
    if digest is not None and digest != found:
        raise ArtifactCorrupt(shown(path), f"has digest {found}, the lock says {digest}")
    document = _read_specification(path, content)
    files = _verify_files(folder, document["files"])
    return Artifact(
        folder=folder,
        name=document["name"],
        identity=document["identity"],
        digest=found,
        inputs=document["inputs"],
        outputs=document["outputs"],
        model=files[MODEL],
        specification=document,
    )


def _read_specification(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
        version = document["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"is not an artifact's specification: {error!r}"
        raise ArtifactCorrupt(shown(path), reason) from error
    if type(version) is not int or version < 1:
        raise ArtifactCorrupt(shown(path), f"has an impossible format version {version!r}")
    if version > FORMAT_VERSION:
        raise ArtifactTooNew(shown(path), version, FORMAT_VERSION)
    try:
        tensors = {
            side: tuple(TensorSpec.from_json(tensor) for tensor in document[side])
            for side in ("inputs", "outputs")
        }
        texts = {key: str(document[key]) for key in ("name", "identity")}
        files = {str(name): str(digest) for name, digest in document["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ArtifactCorrupt(shown(path), f"lacks or misstates {error!r}") from error
    if not re.fullmatch(NAME_PATTERN, texts["name"]):
        raise ArtifactCorrupt(shown(path), f"has an impossible model name {texts['name']!r}")
    if MODEL not in files:
        raise ArtifactCorrupt(shown(path), f"names no {MODEL}")
    return {**document, **tensors, **texts, "files": files}


def _verify_files(folder: Path, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Contents of the files in `digests`, each checked."""
    contents = {}
    for name, expected in digests.items():
        if Path(name).name != name:
            path = shown(folder / SPECIFICATION)
            raise ArtifactCorrupt(path, f"names a file outside it: {name!r}")
        contents[name] = _read(folder / name)
        found = sha256(contents[name])
        if found != expected:
            raise ArtifactCorrupt(
                shown(folder / name), f"has digest {found}, {SPECIFICATION} says {expected}"
            )
    return contents


def _read(path: Path, limit: int | None = None) -> bytes:
    try:
        if limit is not None and path.stat().st_size > limit:
            raise ArtifactCorrupt(shown(path), f"is larger than {limit} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactMissing(shown(path)) from error
