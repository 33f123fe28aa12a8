"""The golden requests of deployed versions, verified against the lock."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.api.errors import InputUnreadable, NothingLocked
from lading.emulator.engines.local_engines import LANGUAGE
from lading.functions.contract.names import DEFAULT_LABEL, artifact_archive, artifact_folder
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, SPECIFICATION
from lading.functions.traffic_hook.golden import NOTHING, Golden, GoldenError
from lading.model_packaging.lock.file import LocalCopy, LockedVersion, S3Copy, read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.store.s3 import S3Store

Tensors = Mapping[str, Sequence[Mapping[str, Any]]]
"""The `inputs` and `outputs` of a golden request, with datatypes, shapes and flat data."""


@dataclass(frozen=True, slots=True)
class StableModel:
    """A model to call, and the answers that its stable version must give.

    Args:
        name: its name.
        version: the version labeled `stable`.
        golden: requests and answers as nested lists, and the tolerance.
        tensors: the same requests, as flat tensors.
        language: whether an engine for language models serves it.
    """

    name: str
    version: int
    golden: Golden = NOTHING
    tensors: Sequence[Tensors] = ()
    language: bool = False


def stable_models(manifest: Path, lock: Path, names: Sequence[str] = ()) -> Iterator[StableModel]:
    """Yield the models of the manifest that have a stable version, or those with these names.

    Raises:
        NothingLocked: a named model has no stable version, or no model has one.
        InputUnreadable: golden requests are damaged, or differ from those in the lock.
        StoreError: S3 does not return them.
    """
    content = read_lock(lock)
    known = load_manifest(manifest).select(names)
    labeled = [spec.name for spec in known if DEFAULT_LABEL in content.model(spec.name).labels]
    missing = [name for name in names if name not in labeled]
    if missing or not labeled:
        which = f"'{missing[0]}'" if missing else f"of {manifest}"
        raise NothingLocked(lock, f"model {which} with a version labeled '{DEFAULT_LABEL}'")
    for name in labeled:
        model = content.model(name)
        version = model.labels[DEFAULT_LABEL]
        yield _read_model(lock, name, version, model.versions[version])


def _read_model(lock: Path, name: str, version: int, entry: LockedVersion) -> StableModel:
    """Return the model with its golden requests; from S3 when they are not on this machine."""
    language = entry.engine is not None and entry.engine.name in LANGUAGE
    place, content = _find(lock, name, version, entry)
    if content is None:
        return StableModel(name, version, language=language)
    try:
        golden = Golden.from_json(content)
    except GoldenError as error:
        raise InputUnreadable(place, str(error)) from error
    return StableModel(name, version, golden, json.loads(content)["requests"], language)


def _find(lock: Path, name: str, version: int, entry: LockedVersion) -> tuple[str, bytes | None]:
    """Return the place of the golden requests and their content; None when the version has none."""
    for copy in entry.stores:
        if isinstance(copy, LocalCopy):
            folder = lock.parent / copy.path / artifact_folder(name, version)
            if folder.is_dir():
                return str(folder / GOLDEN), _read_local(folder, entry.digest)
    remote = [copy for copy in entry.stores if isinstance(copy, S3Copy)]
    if not remote:
        reason = f"version {version} of model '{name}' is not on this machine; package it"
        raise InputUnreadable(str(lock), reason)
    bucket, key = remote[0].bucket, remote[0].golden
    place = f"s3://{bucket}/{key}"
    if key is None:
        return place, None
    prefix = remote[0].key.removesuffix(artifact_archive(name, version))
    return place, S3Store(bucket, prefix, owner=remote[0].owner).read_golden(name, key)


def _read_local(folder: Path, digest: str) -> bytes | None:
    try:
        specification = (folder / SPECIFICATION).read_bytes()
        if sha256(specification) != digest:
            raise InputUnreadable(str(folder), "is not the locked artifact; restore it")
        wanted = json.loads(specification)["files"].get(GOLDEN)
        if wanted is None:
            return None
        content = (folder / GOLDEN).read_bytes()
    except OSError as error:
        raise InputUnreadable(str(error.filename), str(error.strerror)) from error
    if sha256(content) != wanted:
        raise InputUnreadable(str(folder / GOLDEN), "is damaged; restore it")
    return content
