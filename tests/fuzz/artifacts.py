"""What a store or a repository holds: artifact.json, an artifact's zip, the lock."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from lading.functions.contract.errors import ArtifactCorrupt, ArtifactError
from lading.functions.inference.artifact.archive import pack, unpack
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION
from lading.model_packaging.lock.file import LockError, read_lock, render_lock
from tests.fuzz.target import Attempt, Target
from tests.support.worlds import echo, write_artifact

ROOT = Path(__file__).parents[2]


@contextmanager
def _reading_specifications() -> Iterator[Attempt]:
    """What is accepted has verified files only, and a signature that can be written again."""

    def attempt(data: bytes) -> None:
        try:
            held = {SPECIFICATION: data, MODEL: echo()}
            artifact = read_artifact(Path("models/m/1"), None, held)
        except ArtifactError:
            return
        assert artifact.model in (echo(), b"")
        for spec in (*artifact.inputs, *artifact.outputs):
            json.dumps(spec.to_json())

    yield attempt


def _specifications() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as root:
        write_artifact(Path(root), "m", 1, echo())
        yield Path(root, "models/m/1", SPECIFICATION).read_bytes()
    for kept in sorted((ROOT / "tests/contracts/formats").rglob(SPECIFICATION)):
        yield kept.read_bytes()


@contextmanager
def _unpacking() -> Iterator[Attempt]:
    """No file is outside its folder, and all together have no more bytes than the zip."""

    def attempt(data: bytes) -> None:
        try:
            files = unpack(BytesIO(data), len(data), "m", 1)
        except ArtifactCorrupt:
            return
        assert sum(map(len, files.values())) <= len(data)
        assert all(Path(name).name == name for name in files)

    yield attempt


def _archives() -> Iterator[bytes]:
    yield pack("m", 1, {"artifact.json": b"{}", "model.onnx": b"weights"})
    yield pack("m", 1, {})


@contextmanager
def _reading_locks() -> Iterator[Attempt]:
    """A lock that is accepted is the same when it has been written and read again."""
    with tempfile.TemporaryDirectory() as root:
        path = Path(root, "models.lock.json")

        def attempt(data: bytes) -> None:
            path.write_bytes(data)
            try:
                lock = read_lock(path)
            except LockError:
                return
            path.write_bytes(render_lock(lock))
            assert read_lock(path) == lock

        yield attempt


def _locks() -> Iterator[bytes]:
    digest = f"sha256:{'0' * 64}"
    copies = [
        {"kind": "local", "path": "artifacts"},
        {
            "kind": "s3",
            "bucket": "my-bucket",
            "key": "models/digits/1/artifact.zip",
            "version_id": "v",
            "golden": "models/digits/golden/g.json",
            "bytes": 9,
        },
    ]
    version = {"identity": digest, "digest": digest, "target": "lambda", "stores": copies}
    model = {"versions": {"1": version, "2": version}, "labels": {"stable": 2}}
    retired = {"3": {"digest": digest, "date": "2026-11-29"}}
    yield b"{}"
    yield json.dumps({"digits": model}).encode()
    yield json.dumps({"d": {**model, "earlier": {"stable": [1]}, "retired": retired}}).encode()


SPECIFICATIONS = Target("specifications", _reading_specifications, _specifications)
ARCHIVES = Target("archives", _unpacking, _archives)
LOCKS = Target("locks", _reading_locks, _locks)
