"""Stores to try one behaviour on, and artifacts to put into them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from functions.inference.archive import pack
from functions.inference.artifact import GOLDEN, MODEL, REPORT, SPECIFICATION, sha256
from model_packaging.store import Store, open_store
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


def digest(artifact: Mapping[str, bytes]) -> str:
    return sha256(artifact[SPECIFICATION])


class Place(Protocol):
    """Where a store lies, and what may happen to it there."""

    @property
    def address(self) -> str: ...

    def store(self) -> Store: ...

    def put(self, name: str, version: int, content: Mapping[str, bytes]) -> None:
        """Put these files where a version lies, past the store."""


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
