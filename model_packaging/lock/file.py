"""models.lock.json: which versions there are, their digests, and the labels on them.

    {"digits": {"versions": {"1": {"identity": "sha256:…", "digest": "sha256:…",
                                   "target": "lambda",
                                   "stores": [{"kind": "local", "path": "artifacts"}]}},
                "labels": {"stable": 1}}}

`digest` is the SHA-256 of the version's artifact.json, which lists the digests of the other files.
A version may be in several stores. A local store's `path` is the root of `models/<name>/<version>`,
relative to the lock's folder. In S3 a version is one object, pinned by its version id, with
its golden requests beside it:

    {"kind": "s3", "bucket": "…", "key": "…/models/digits/1/artifact.zip", "version_id": "…",
     "golden": "…/models/digits/golden/….json", "bytes": 21504}

A version that an engine serves on SageMaker has these keys as well, and its copies in S3 have the
address of the engine's files (docs/adr/0014):

    "target": "sagemaker", "engine": {"name": "triton", "digest": "<64 hex digits>",
        "images": {"eu-west-1": "….dkr.ecr.eu-west-1.amazonaws.com/…"}, "amis": {"eu-west-1": "…"},
        "environment": {…}}
    {"kind": "s3", …, "engine": "…/models/digits/sha256/<64 hex digits>/"}

Two more keys appear when they are needed. `earlier` has the versions that a label was on before,
the last one at the end; `lading rollback` goes back to it. `retired` has the versions that
`lading retire` removed: their numbers are never given to another artifact.

    "earlier": {"stable": [1, 2]}, "retired": {"3": {"digest": "sha256:…", "date": "2026-11-29"}}

A model whose source was downloaded has the revision that it was made of:

    "source": {"address": "hf://org/name", "revision": "<commit>", "digest": "sha256:…"}

The file is committed: its history is the models' history.
"""

import datetime as dt
import json
from operator import not_
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

from lading.functions.contract.names import Library, artifact_folder
from lading.model_packaging.documents import readable
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.entries import EngineName

_DIGEST = r"^sha256:[0-9a-f]{64}$"
_REQUIREMENT = r"^[A-Za-z0-9][\w.-]*\s*(\[[\w\s,.-]*\])?\s*==\s*[\w.+!-]+(\s--hash=\w+:[0-9a-f]+)*$"
_TRAIL = 10
"""How many earlier versions of a label are kept."""


class LockError(PackagingError):
    """models.lock.json cannot be read or written.

    Remedy: take `models.lock.json` from the history of your repository.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path, self.reason = path, reason


class CopyElsewhere(LockError):
    """The version is not on this machine, only in S3.

    Remedy: bring it here with `lading pull NAME`.
    """

    def __init__(self, path: Path, model: str, version: int, place: str) -> None:
        reason = f"has version {version} of model '{model}' only at {place}; bring it here with "
        super().__init__(path, f"{reason}`lading pull {model}`")
        self.model, self.version, self.place = model, version, place


class _LockEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_none(value: object) -> bool:
    return value is None


class LocalCopy(_LockEntry):
    """A copy of a version in a local store."""

    kind: Literal["local"] = "local"
    path: str
    """The store's root, relative to the lock's folder."""


class S3Copy(_LockEntry):
    """A copy of a version in S3."""

    kind: Literal["s3"] = "s3"
    bucket: str = Field(min_length=1)
    key: str = Field(pattern=r"^(.+/)?models/[^/]+/[0-9]+/artifact\.zip$")
    version_id: str = Field(min_length=1)
    golden: str | None = None
    """Key of the golden requests, named by their digest; None when the artifact has none."""
    bytes: int = Field(gt=0)
    """Size of the object and of its unpacked content: nothing in it is compressed."""
    engine: str | None = Field(
        default=None, pattern=r"^(.+/)?models/[^/]+/sha256/[0-9a-f]{64}/$", exclude_if=_is_none
    )
    """Prefix of the engine's files and of nothing else; None when it has no engine."""
    owner: str | None = Field(default=None, pattern=r"^[0-9]{12}$", exclude_if=_is_none)
    """The account that the bucket must belong to; None: the account that the model runs in."""


Copy = Annotated[LocalCopy | S3Copy, Field(discriminator="kind")]


class LockedEngine(_LockEntry):
    """The engine that serves a version on SageMaker."""

    name: EngineName
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the list of the engine's files; the last part of their prefix in S3."""
    images: dict[str, str] = {}
    """The container image, by region."""
    amis: dict[str, str] = Field(default={}, exclude_if=not_)
    """The AMI with the GPU driver that the image needs, by region; no entry: unknown."""
    environment: dict[str, str] = {}
    """Environment variables of the container."""
    archive: bool = False
    """The container gets one `model.tar.gz`, the only file, instead of a folder."""


class LockedVersion(_LockEntry):
    """A published version."""

    identity: str = Field(pattern=_DIGEST)
    digest: str = Field(pattern=_DIGEST)
    target: Literal["lambda", "lambda-managed", "sagemaker", "container"] = "lambda"
    stores: tuple[Copy, ...] = Field(min_length=1)
    engine: LockedEngine | None = Field(default=None, exclude_if=_is_none)
    processing: tuple[Library, ...] = Field(default=(), exclude_if=not_)
    """Libraries of its processing steps beside the runtime layer: a Lambda layer for each."""
    requirements: tuple[Annotated[str, Field(pattern=_REQUIREMENT)], ...] = Field(
        default=(), exclude_if=not_
    )
    """The packages of a class of the user's own: a Lambda layer for all of them."""
    nodes: dict[str, int] = Field(default={}, exclude_if=not_)
    """Of a graph: its models and their versions, which it was tested with."""

    @model_validator(mode="after")
    def _sagemaker_has_an_engine(self) -> "LockedVersion":
        if (self.target == "sagemaker") != (self.engine is not None):
            raise ValueError("a version has an engine when its target is sagemaker, and only then")
        return self


class LockedSource(_LockEntry):
    """The revision of a source that was downloaded."""

    address: str = Field(min_length=1)
    revision: str = Field(min_length=1)
    """Names the content for ever: a commit, a version id, a digest."""
    digest: str = Field(pattern=_DIGEST)
    """Of the list of its files' names and digests."""


class RetiredVersion(_LockEntry):
    """A version that was removed from the lock, and its last day there (UTC)."""

    digest: str = Field(pattern=_DIGEST)
    date: dt.date


class LockedModel(_LockEntry):
    """A model's versions, and the labels that point at them."""

    versions: dict[int, LockedVersion] = {}
    labels: dict[str, int] = {}
    earlier: dict[str, tuple[int, ...]] = Field(default={}, exclude_if=not_)
    """The versions that a label was on before, the last one at the end; none occurs twice."""
    retired: dict[int, RetiredVersion] = Field(default={}, exclude_if=not_)
    source: LockedSource | None = Field(default=None, exclude_if=_is_none)
    """The revision of its source, if that is not a file of the project."""

    @model_validator(mode="after")
    def _labels_point_at_versions(self) -> "LockedModel":
        for label, version in self.labels.items():
            if version not in self.versions:
                state = "retired" if version in self.retired else "missing"
                raise ValueError(f"label '{label}' points at version {version}, which is {state}")
        return self

    def labeled(self, label: str, version: int | None) -> "LockedModel":
        """Return the model with this label on a version, or without the label for None.

        A label that returns to an earlier version forgets the versions that it was on since.
        """
        before = self.labels.get(label)
        if version == before:
            return self
        labels = {other: at for other, at in self.labels.items() if other != label}
        earlier = {other: trail for other, trail in self.earlier.items() if other != label}
        if version is not None:
            labels[label] = version
            trail = self.earlier.get(label, ()) + (() if before is None else (before,))
            trail = trail[: trail.index(version)] if version in trail else trail[-_TRAIL:]
            earlier |= {label: trail} if trail else {}
        return self.model_copy(update={"labels": labels, "earlier": earlier})


class Lock(RootModel[dict[str, LockedModel]]):
    """The lock's content: models by name."""

    def model(self, name: str) -> LockedModel:
        """Return the entry of a model; an empty one when the lock does not have it."""
        return self.root.get(name, LockedModel())

    def names(self) -> list[str]:
        """Return the models that have a version, sorted."""
        return sorted(name for name, model in self.root.items() if model.versions)

    def digests(self, name: str) -> dict[int, str]:
        """Return the digest of each version of a model, also of retired ones."""
        model = self.model(name)
        known: dict[int, LockedVersion | RetiredVersion] = {**model.retired, **model.versions}
        return {number: entry.digest for number, entry in known.items()}

    def graphs_with(self, name: str) -> dict[int, str]:
        """Return, for each version of a model that a graph was tested with, that graph in words."""
        return {
            entry.nodes[name]: f"version {version} of graph '{graph}'"
            for graph, model in self.root.items()
            for version, entry in model.versions.items()
            if name in entry.nodes
        }

    def replaced(self, name: str, model: LockedModel) -> "Lock":
        """Return the lock with this entry of a model."""
        return Lock({**self.root, name: model})


def read_lock(path: Path) -> Lock:
    """Read and check a lock; a missing file is an empty lock.

    Raises:
        LockError: it cannot be read, is invalid, or contains a merge conflict.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Lock({})
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(path, f"cannot be read: {error}") from error
    if "<<<<<<<" in text:
        line = text[: text.index("<<<<<<<")].count("\n") + 1
        reason = f"contains a merge conflict at line {line}; resolve it by keeping both sides"
        raise LockError(path, reason)
    try:
        return Lock.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        advice = "restore it from git"
        raise LockError(path, f"is not JSON at line {error.lineno}; {advice}") from error
    except (ValidationError, RecursionError) as error:
        reason = f"is not a lock of this version of Lading: {_first(error)}; restore it from git, "
        advice = "or, if an older Lading wrote it, delete it and package the models again"
        raise LockError(path, reason + advice) from error


def render_lock(lock: Lock) -> bytes:
    """Return the file's content: sorted and indented, so that a change is a few lines in git."""
    return readable(lock.model_dump(mode="json"))


def version_folder(path: Path, name: str, version: int) -> Path:
    """Return the folder of the version's artifact on this machine, according to the lock at `path`.

    Raises:
        CopyElsewhere: it is only in S3.
        LockError: the lock cannot be read, or lacks the version.
    """
    entry = read_lock(path).model(name).versions.get(version)
    if entry is None:
        raise LockError(path, f"has no version {version} of model '{name}'; package it first")
    return local_roots(path, name, version, entry)[0] / artifact_folder(name, version)


def local_roots(path: Path, name: str, version: int, entry: LockedVersion) -> list[Path]:
    """Return the roots of the local stores that hold the version; when none does, all of them.

    Raises:
        CopyElsewhere: none does, and the version is in S3.
    """
    roots = [path.parent / copy.path for copy in entry.stores if isinstance(copy, LocalCopy)]
    here = [root for root in roots if (root / artifact_folder(name, version)).is_dir()]
    remote = [copy for copy in entry.stores if isinstance(copy, S3Copy)]
    if remote and not here:
        place = f"s3://{remote[0].bucket}/{remote[0].key}"
        raise CopyElsewhere(path, name, version, place)
    return here or roots


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is too deeply nested"
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
