"""Where published versions lie: each appears whole or not at all, and then never changes.

A local store is a folder:

    <root>/models/<name>/<version>/   the published versions
    <root>/.staging/                  the version that is being written, and the publishers' lock
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from functions.inference.artifact import SPECIFICATION, Artifact, read_artifact, sha256
from functions.inference.contract import artifact_folder
from functions.inference.errors import ArtifactError
from model_packaging.durable import exclusive, make_folder, sync_folder, write_file
from model_packaging.errors import StoreError
from model_packaging.lock import LocalCopy


class Store(Protocol):
    """Immutable versions of models.

    `pinned` is always what the lock knows of the model: version -> digest. A version that the
    lock pins to another digest is somebody else's, and its number is taken.
    """

    def copy(self, lock: Path) -> LocalCopy:
        """What the lock at this path writes of a version that lies here."""

    def versions(self, name: str) -> tuple[int, ...]:
        """The published versions of a model, ascending."""

    def find(self, name: str, identity: str, pinned: Mapping[int, str]) -> int | None:
        """The version with this identity, if it is published.

        Raises:
            StoreError: a version's specification cannot be read.
        """

    def publish(self, name: str, files: Mapping[str, bytes], pinned: Mapping[int, str]) -> int:
        """Publish an artifact's files and return its version.

        An identity that is published already keeps its version; one that the lock pins with the
        same digest gets that version back; any other gets the next free number.

        Raises:
            StoreError: it cannot be written; nothing is published.
        """

    def open(self, name: str, version: int, digest: str | None = None) -> Artifact:
        """Read and verify a version.

        Args:
            name: the model.
            version: the version's number.
            digest: SHA-256 that its artifact.json must have; None trusts the store.

        Raises:
            StoreError: it is missing or damaged.
        """


class LocalStore:
    """A store in a folder.

    Args:
        root: the folder; made with the first version.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staging = root / ".staging"

    def copy(self, lock: Path) -> LocalCopy:
        """See `Store.copy`."""
        path = os.path.relpath(self.root.resolve(), lock.parent.resolve())
        return LocalCopy(path=Path(path).as_posix())

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

    def publish(self, name: str, files: Mapping[str, bytes], pinned: Mapping[int, str]) -> int:
        """See `Store.publish`."""
        try:
            with exclusive(self._staging / "lock"):
                self._sweep()
                identity = json.loads(files[SPECIFICATION])["identity"]
                version = self.find(name, identity, pinned)
                return version or self._place(name, files, pinned)
        except OSError as error:
            raise StoreError(name, self.root, f"cannot be written: {error.strerror}") from error

    def open(self, name: str, version: int, digest: str | None = None) -> Artifact:
        """See `Store.open`."""
        try:
            artifact = read_artifact(self.folder(name, version), digest)
        except ArtifactError as error:
            raise self._damaged(name, version, str(error)) from error
        if artifact.name != name:
            raise self._damaged(name, version, f"it is of model '{artifact.name}'")
        return artifact

    def folder(self, name: str, version: int) -> Path:
        """Where a version lies."""
        return self.root / artifact_folder(name, version)

    def _specification(self, name: str, version: int) -> bytes:
        try:
            content = (self.folder(name, version) / SPECIFICATION).read_bytes()
            if isinstance(json.loads(content), dict):
                return content
        except (OSError, ValueError) as error:
            raise self._damaged(name, version, f"{SPECIFICATION}: {error}") from error
        raise self._damaged(name, version, f"{SPECIFICATION} is no specification")

    def _damaged(self, name: str, version: int, reason: str) -> StoreError:
        folder = self.folder(name, version)
        return StoreError(
            name, folder, f"is damaged ({reason}); delete the folder and package again"
        )

    def _sweep(self) -> None:
        """Delete what killed publishers left; the lock says that no living one is at work."""
        for leftover in self._staging.iterdir():
            if leftover.is_dir():
                shutil.rmtree(leftover)

    def _place(self, name: str, files: Mapping[str, bytes], pinned: Mapping[int, str]) -> int:
        """Write the files aside and rename their folder into its place."""
        taken = self.versions(name)
        staged = self._staging / "version"
        make_folder(staged)
        for file, content in files.items():
            write_file(staged / file, content)
        sync_folder(staged)
        version = _number(sha256(files[SPECIFICATION]), taken, pinned)
        target = self.folder(name, version)
        make_folder(target.parent)
        staged.rename(target)
        sync_folder(target.parent)
        return version


def _number(digest: str, taken: tuple[int, ...], pinned: Mapping[int, str]) -> int:
    """The number that the lock has for this very artifact, else the next one."""
    restored = (version for version in pinned if pinned[version] == digest and version not in taken)
    return next(restored, max((0, *taken, *pinned)) + 1)
