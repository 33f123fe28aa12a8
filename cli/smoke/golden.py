"""Golden requests of a locked version, from wherever the version lies."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.cli.errors import InputUnreadable
from lading.functions.contract.names import artifact_archive, artifact_folder
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, SPECIFICATION
from lading.functions.traffic_hook.golden import NOTHING, Golden, GoldenError
from lading.model_packaging.lock.file import LocalCopy, LockedVersion, S3Copy
from lading.model_packaging.store.s3 import S3Store

Tensors = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Questions:
    """A version's golden requests.

    Args:
        golden: requests and answers as nested lists by name, and how near is right.
        inputs: of each request, its tensors with datatype, shape and flat data.
        datatypes: of all inputs and outputs.
    """

    golden: Golden
    inputs: Sequence[Tensors]
    datatypes: frozenset[str] = frozenset()


NO_QUESTIONS = Questions(NOTHING, ())


def read_questions(lock: Path, name: str, version: int, entry: LockedVersion) -> Questions:
    """The golden requests of a version, verified; from S3 when they are not here.

    Raises:
        InputUnreadable: what is here is damaged or no longer what the lock pins.
        StoreError: S3 does not give them.
    """
    for copy in entry.stores:
        if isinstance(copy, LocalCopy):
            folder = lock.parent / copy.path / artifact_folder(name, version)
            if folder.is_dir():
                return _local(folder, entry.digest)
    remote = [copy for copy in entry.stores if isinstance(copy, S3Copy)]
    if not remote:
        raise InputUnreadable(str(lock), f"version {version} of '{name}' is not here; package it")
    if remote[0].golden is None:
        return NO_QUESTIONS
    bucket, key = remote[0].bucket, remote[0].golden
    prefix = remote[0].key.removesuffix(artifact_archive(name, version))
    return _read(f"s3://{bucket}/{key}", S3Store(bucket, prefix).read_golden(name, key))


def _local(folder: Path, digest: str) -> Questions:
    try:
        specification = (folder / SPECIFICATION).read_bytes()
        if sha256(specification) != digest:
            raise InputUnreadable(str(folder), "is not the locked artifact; restore it")
        wanted = json.loads(specification)["files"].get(GOLDEN)
        if wanted is None:
            return NO_QUESTIONS
        content = (folder / GOLDEN).read_bytes()
    except OSError as error:
        raise InputUnreadable(str(error.filename), str(error.strerror)) from error
    if sha256(content) != wanted:
        raise InputUnreadable(str(folder / GOLDEN), "is damaged; restore it")
    return _read(str(folder / GOLDEN), content)


def _read(place: str, content: bytes) -> Questions:
    try:
        golden = Golden.from_json(content)
    except GoldenError as error:
        raise InputUnreadable(place, str(error)) from error
    requests = json.loads(content)["requests"]
    tensors = [each for request in requests for side in request.values() for each in side]
    datatypes = frozenset(each["datatype"] for each in tensors)
    return Questions(golden, [request["inputs"] for request in requests], datatypes)
