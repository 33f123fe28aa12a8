"""A store of versions in a folder.

<root>/models/<name>/<version>/   the published versions
<root>/.staging/                  the version or signature being written, and the publishers' lock
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from lading.functions.contract.errors import ArtifactError
from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import ENGINE, SPECIFICATION, Artifact
from lading.functions.inference.attestation.enforcement import read_bundle_file
from lading.functions.inference.attestation.statement import BUNDLE
from lading.model_packaging.lock.file import LocalCopy
from lading.model_packaging.store.contents import Stored
from lading.model_packaging.store.durable import (
    exclusive,
    make_folder,
    stream_file,
    sync_folder,
    write_file,
)
from lading.model_packaging.store.engine_files import EngineFiles, Readable
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.publication import (
    Built,
    Published,
    check_engine,
    next_number,
    verify,
)


class LocalStore:
    """A store in a folder; see `versions.Store`.

    Args:
        root: the folder; created with the first version.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staging = root / ".staging"

    def versions(self, name: str) -> tuple[int, ...]:
        """See `Store.versions`."""
        folder = self.root / artifact_folder(name, 0)
        if not folder.parent.is_dir():
            return ()
        names = (entry.name for entry in folder.parent.iterdir())
        return tuple(sorted(int(name) for name in names if name.isascii() and name.isdecimal()))

    def find(self, name: str, identity: str, pinned: Mapping[int, str]) -> int | None:
        """See `Store.find`."""
        for version in self.versions(name):
            content = self._specification(name, version)
            if pinned.get(version, digest := sha256(content)) != digest:
                continue
            if json.loads(content).get("identity") == identity:
                return version
        return None

    def publish(
        self, name: str, built: Built, pinned: Mapping[int, str], number: int | None = None
    ) -> int:
        """See `Store.publish`."""
        with self._writing(name):
            known = self.find(name, built.identity, pinned)
            if known is not None:
                return known
            version = next_number(name, built.digest, self.versions(name), pinned, number)
            self._write(name, version, built)
            return version

    def place(self, name: str, version: int, built: Built) -> None:
        """See `Store.place`."""
        with self._writing(name):
            if version in self.versions(name):
                self.open(name, version, built.digest)
            else:
                self._write(name, version, built)

    def open(self, name: str, version: int, digest: str | None = None) -> Published:
        """See `Store.open`."""
        folder = self.folder(name, version)
        try:
            files = {path.name: path.read_bytes() for path in _files(folder)}
            artifact = verify(name, version, files, digest)
            check_engine(artifact, _sizes(folder / ENGINE))
            engine = _engine_files(artifact, folder / ENGINE)
            return Published(artifact, files, str(folder), engine)
        except (ArtifactError, OSError) as error:
            raise self._damaged(name, version, str(error)) from error

    def copy(self, name: str, version: int, digest: str, lock: Path) -> LocalCopy:
        """See `Store.copy`."""
        self.open(name, version, digest)
        path = os.path.relpath(self.root.resolve(), lock.parent.resolve())
        return LocalCopy(path=Path(path).as_posix())

    def attest(self, name: str, version: int, digest: str, bundle: bytes) -> None:
        """See `Store.attest`."""
        folder = self.folder(name, version)
        with self._writing(name):
            if sha256(self._specification(name, version)) != digest:
                raise self._damaged(name, version, f"{SPECIFICATION} is not the locked one")
            write_file(self._staging / BUNDLE, bundle)
            (self._staging / BUNDLE).rename(folder / BUNDLE)
            sync_folder(folder)

    def attestation(self, name: str, version: int, digest: str) -> bytes | None:  # noqa: ARG002 the signature names the digest
        """See `Store.attestation`."""
        try:
            return read_bundle_file(self.folder(name, version))
        except ArtifactError as error:
            raise StoreError(name, self.folder(name, version), str(error)) from error

    def contents(self, name: str) -> tuple[Stored, ...]:
        """See `Store.contents`."""
        folders = {version: self.folder(name, version) for version in self.versions(name)}
        try:
            return tuple(
                _stored(version, folder)
                for version, folder in folders.items()
                if folder.is_dir() and not folder.is_symlink()
            )
        except OSError as error:
            raise StoreError(name, self.root, f"cannot be read: {error.strerror}") from error

    def remove(self, name: str, stored: Stored) -> None:
        """See `Store.remove`; the folder leaves its place at once, then its files are deleted."""
        folder = Path(stored.place)
        with self._writing(name):
            if folder.is_dir():
                folder.rename(self._staging / "removed")
                sync_folder(folder.parent)

    def folder(self, name: str, version: int) -> Path:
        """Return the folder of a version."""
        return self.root / artifact_folder(name, version)

    def _specification(self, name: str, version: int) -> bytes:
        try:
            content = (self.folder(name, version) / SPECIFICATION).read_bytes()
            if isinstance(json.loads(content), dict):
                return content
        except (OSError, ValueError) as error:
            raise self._damaged(name, version, f"{SPECIFICATION}: {error}") from error
        raise self._damaged(name, version, f"{SPECIFICATION} is not a JSON object")

    def _damaged(self, name: str, version: int, reason: str) -> StoreError:
        folder = self.folder(name, version)
        advice = "delete the folder and package again"
        return StoreError(name, folder, f"is damaged ({reason}); {advice}")

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Keep other publishers out, and remove what killed publishers left behind."""
        try:
            with exclusive(self._staging / "lock"):
                self._sweep()
                try:
                    yield
                finally:
                    self._sweep()
        except OSError as error:
            raise StoreError(name, self.root, f"cannot be written: {error.strerror}") from error

    def _sweep(self) -> None:
        for leftover in self._staging.iterdir():
            if leftover.is_dir():
                shutil.rmtree(leftover)

    def _write(self, name: str, version: int, built: Built) -> None:
        """Write the files to a staging folder, and rename it to its final place."""
        staged, built = self._staging / "version", built.sealed(name, version)
        make_folder(staged)
        for file, content in built.files.items():
            write_file(staged / file, content)
        if built.engine is not None:
            _write_engine(staged / ENGINE, built.engine)
        for folder, _, _ in os.walk(staged):
            sync_folder(Path(folder))
        target = self.folder(name, version)
        make_folder(target.parent)
        staged.rename(target)
        sync_folder(target.parent)


def _write_engine(folder: Path, engine: EngineFiles) -> None:
    for path in engine.files:
        make_folder((folder / path).parent)
        stream_file(folder / path, engine.read(path))


def _engine_files(artifact: Artifact, folder: Path) -> EngineFiles | None:
    if artifact.engine is None:
        return None

    @contextmanager
    def opener(path: str) -> Iterator[Readable]:
        with (folder / path).open("rb") as stream:
            yield stream

    return EngineFiles(artifact.name, str(folder), artifact.engine.files, opener)


def _stored(version: int, folder: Path) -> Stored:
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return Stored(
        place=str(folder),
        version=version,
        bytes=size,
        modified=datetime.fromtimestamp(folder.stat().st_mtime, UTC),
    )


def _sizes(folder: Path) -> dict[str, int]:
    """Return the size of each file below a folder; -1 for a link, which engines must not follow."""
    return {
        path.relative_to(folder).as_posix(): -1 if path.is_symlink() else path.stat().st_size
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
