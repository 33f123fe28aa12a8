"""Stores to try one behavior on, and artifacts to put into them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lading.functions.inference.artifact.archive import pack
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, MODEL, REPORT, SPECIFICATION
from lading.model_packaging.store.engine_files import EngineFiles, gather
from lading.model_packaging.store.versions import Store, open_store
from tests.conftest import Bucket


def files(model: bytes = b"model", identity: str = "one") -> dict[str, bytes]:
    """An artifact's; no runtime loads it."""
    golden = json.dumps({"requests": [identity]}).encode()
    document = {
        "format_version": 1,
        "name": "digits",
        "identity": identity,
        "inputs": [],
        "outputs": [],
        "files": {MODEL: sha256(model), GOLDEN: sha256(golden)},
    }
    specification = json.dumps(document).encode()
    return {MODEL: model, GOLDEN: golden, SPECIFICATION: specification, REPORT: b"{}"}


WEIGHTS = bytes(range(256)) * 8


def large(identity: str = "one", **contents: bytes) -> tuple[dict[str, bytes], EngineFiles]:
    """An artifact that an engine serves, and the engine's files."""
    given = {"model/config": b"config", "model/1/weights": WEIGHTS, **contents}
    engine = gather("digits", Path("source"), given)
    golden = json.dumps({"requests": [identity]}).encode()
    document = {
        "format_version": 2,
        "name": "digits",
        "identity": identity,
        "inputs": [],
        "outputs": [],
        "files": {GOLDEN: sha256(golden)},
        "engine": {
            "name": "triton",
            "options": {},
            "environment": {},
            "archive": False,
            "files": {path: file._asdict() for path, file in engine.files.items()},
        },
    }
    specification = json.dumps(document).encode()
    return {GOLDEN: golden, SPECIFICATION: specification}, engine


def contents(engine: EngineFiles | None) -> dict[str, bytes]:
    """All of an engine's files, read."""
    assert engine is not None
    return {path: b"".join(engine.read(path)) for path in engine.files}


def digest(artifact: Mapping[str, bytes]) -> str:
    return sha256(artifact[SPECIFICATION])


class Place(Protocol):
    """Where a store lies, and what may happen to it there."""

    @property
    def address(self) -> str: ...

    def store(self) -> Store: ...

    def put(self, name: str, version: int, content: Mapping[str, bytes]) -> None:
        """Put these files where a version lies, past the store."""

    def put_engine(self, engine: EngineFiles, path: str, content: bytes) -> None:
        """Put a file where version 1 of digits has its engine's, past the store."""


@dataclass(frozen=True)
class Folder:
    root: Path

    @property
    def address(self) -> str:
        return str(self.root)

    def store(self) -> Store:
        return open_store(self.address)

    def put(self, name: str, version: int, content: Mapping[str, bytes]) -> None:
        folder = self.root / "models" / name / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        for file, each in content.items():
            (folder / file).write_bytes(each)

    def put_engine(self, engine: EngineFiles, path: str, content: bytes) -> None:
        (self.root / "models/digits/1/engine" / path).write_bytes(content)


@dataclass(frozen=True)
class S3:
    bucket: Bucket

    @property
    def address(self) -> str:
        return self.bucket.address

    def store(self) -> Store:
        return open_store(self.address)

    def put(self, name: str, version: int, content: Mapping[str, bytes]) -> None:
        self.bucket.client.put_object(
            Bucket=self.bucket.name,
            Key=f"some/prefix/models/{name}/{version}/artifact.zip",
            Body=pack(name, version, content),
        )

    def put_engine(self, engine: EngineFiles, path: str, content: bytes) -> None:
        self.bucket.client.put_object(
            Bucket=self.bucket.name,
            Key=f"some/prefix/models/digits/sha256/{engine.digest}/{path}",
            Body=content,
        )
