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

The file is committed: its history is the models' history.
"""

import json
from collections.abc import Iterable
from operator import not_
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    model_validator,
)

from lading.functions.contract.names import Library, artifact_folder
from lading.model_packaging.documents import readable
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.store.durable import exclusive, replace_file

_DIGEST = r"^sha256:[0-9a-f]{64}$"


class LockError(PackagingError):
    """models.lock.json cannot be read or written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path, self.reason = path, reason


class CopyElsewhere(LockError):
    """The version is not on this machine, and lies in S3."""

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
        default=None,
        pattern=r"^(.+/)?models/[^/]+/sha256/[0-9a-f]{64}/$",
        exclude_if=_is_none,
    )
    """Prefix of the engine's files and of nothing else; None when it has no engine."""


Copy = Annotated[LocalCopy | S3Copy, Field(discriminator="kind")]


class LockedEngine(_LockEntry):
    """What serves a version on SageMaker."""

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
    target: Literal["lambda", "sagemaker"] = "lambda"
    stores: tuple[Copy, ...] = Field(min_length=1)
    engine: LockedEngine | None = Field(default=None, exclude_if=_is_none)
    processing: tuple[Library, ...] = Field(default=(), exclude_if=not_)
    """Libraries of its processing steps beside the runtime layer: a Lambda layer for each."""

    @model_validator(mode="after")
    def _sagemaker_has_an_engine(self) -> "LockedVersion":
        if (self.target == "sagemaker") != (self.engine is not None):
            raise ValueError("a version has an engine when its target is sagemaker, and only then")
        return self


class LockedModel(_LockEntry):
    """A model's versions, and the labels that point at them."""

    versions: dict[int, LockedVersion] = {}
    labels: dict[str, int] = {}

    @model_validator(mode="after")
    def _labels_point_at_versions(self) -> "LockedModel":
        for label, version in self.labels.items():
            if version not in self.versions:
                raise ValueError(f"label '{label}' points at version {version}, which is missing")
        return self


class Lock(RootModel[dict[str, LockedModel]]):
    """The lock's content: models by name."""

    def model(self, name: str) -> LockedModel:
        """Return the entry of a model; an empty one when the lock does not have it."""
        return self.root.get(name, LockedModel())

    def digests(self, name: str) -> dict[int, str]:
        """Return the digest of each version of a model."""
        return {number: entry.digest for number, entry in self.model(name).versions.items()}


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


def record(
    path: Path, name: str, version: int, entry: LockedVersion, labels: Iterable[str]
) -> Lock:
    """Write a version and the labels that now point at it into the lock, in one step.

    Concurrent writers wait for each other. The other versions and labels stay unchanged; another
    copy of a known version is added to its stores, and replaces one at the same place.

    Args:
        path: the lock; created if it is missing.
        name: the model.
        version: the version's number.
        entry: the version's entry.
        labels: labels to point at the version.

    Raises:
        LockError: it cannot be read or written, or has this version with another digest.
    """
    try:
        with exclusive(path.with_name(f".{path.name}.guard")):
            lock = read_lock(path)
            changed = _with_version(path, lock, name, version, entry)
            changed[name].labels.update(dict.fromkeys(labels, version))
            after = Lock(changed)
            if after != lock or not path.exists():
                replace_file(path, render_lock(after))
            return after
    except OSError as error:
        raise LockError(path, f"cannot be written: {error.strerror}") from error


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


def _with_version(
    path: Path, lock: Lock, name: str, version: int, entry: LockedVersion
) -> dict[str, LockedModel]:
    models = {known: model.model_copy(deep=True) for known, model in lock.root.items()}
    model = models.setdefault(name, LockedModel(versions={}, labels={}))
    known = model.versions.get(version)
    if known is not None and known.digest != entry.digest:
        raise LockError(
            path,
            f"has version {version} of model '{name}' with digest {known.digest}, not "
            f"{entry.digest}; package it again for a new version",
        )
    if known is not None:
        entry = _merged(known, entry)
    model.versions[version] = entry
    return models


def _merged(known: LockedVersion, entry: LockedVersion) -> LockedVersion:
    """Merge the copies and images of both; the later one wins for the same place or region.

    The AMI of a region belongs to its image, so it goes with it.
    """
    stores = {_place(copy): copy for copy in (*known.stores, *entry.stores)}
    engine = entry.engine
    if engine and known.engine:
        kept = {at: ami for at, ami in known.engine.amis.items() if at not in engine.images}
        merged = {
            "images": {**known.engine.images, **engine.images},
            "amis": {**kept, **engine.amis},
        }
        engine = engine.model_copy(update=merged)
    return entry.model_copy(update={"stores": tuple(stores.values()), "engine": engine})


def _place(copy: LocalCopy | S3Copy) -> tuple[str, ...]:
    """Return the key that copies at the same place share."""
    return (copy.path,) if isinstance(copy, LocalCopy) else (copy.bucket, copy.key)


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is too deeply nested"
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
