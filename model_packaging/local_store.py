"""A store in a folder.

<root>/models/<name>/<version>/   the published versions
<root>/.staging/                  the version that is being written, and the publishers' lock
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from functions.inference.artifact import SPECIFICATION, sha256
from functions.inference.contract import artifact_folder
from functions.inference.errors import ArtifactError
from model_packaging.durable import exclusive, make_folder, sync_folder, write_file
from model_packaging.errors import StoreError
from model_packaging.lock import LocalCopy
from model_packaging.publication import Published, next_number, verify


class LocalStore:
    """A store in a folder; see `store.Store`.

    Args:
        root: the folder; made with the first version.
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

    def publish(self, name: str, files: Mapping[str, bytes], pinned: Mapping[int, str]) -> int:
        """See `Store.publish`."""
        with self._writing(name):
            known = self.find(name, json.loads(files[SPECIFICATION])["identity"], pinned)
            if known is not None:
                return known
            version = next_number(sha256(files[SPECIFICATION]), self.versions(name), pinned)
            self._write(name, version, files)
            return version

    def place(self, name: str, version: int, files: Mapping[str, bytes]) -> None:
        """See `Store.place`."""
        with self._writing(name):
            if version in self.versions(name):
                self.open(name, version, sha256(files[SPECIFICATION]))
            else:
                self._write(name, version, files)

    def open(self, name: str, version: int, digest: str | None = None) -> Published:
        """See `Store.open`."""
        folder = self.folder(name, version)
        try:
            files = {path.name: path.read_bytes() for path in _files(folder)}
            return Published(verify(name, version, files, digest), files, str(folder))
        except (ArtifactError, OSError) as error:
            raise self._damaged(name, version, str(error)) from error

    def copy(self, name: str, version: int, digest: str, lock: Path) -> LocalCopy:
        """See `Store.copy`."""
        self.open(name, version, digest)
        path = os.path.relpath(self.root.resolve(), lock.parent.resolve())
        return LocalCopy(path=Path(path).as_posix())

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
        advice = "delete the folder and package again"
        return StoreError(name, folder, f"is damaged ({reason}); {advice}")

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Keep other publishers out, and sweep away what killed ones left."""
        try:
            with exclusive(self._staging / "lock"):
                for leftover in self._staging.iterdir():
                    if leftover.is_dir():
                        shutil.rmtree(leftover)
                yield
        except OSError as error:
            raise StoreError(name, self.root, f"cannot be written: {error.strerror}") from error

    def _write(self, name: str, version: int, files: Mapping[str, bytes]) -> None:
        """Write the files aside and rename their folder into its place."""
        staged = self._staging / "version"
        make_folder(staged)
        for file, content in files.items():
            write_file(staged / file, content)
        sync_folder(staged)
        target = self.folder(name, version)
        make_folder(target.parent)
        staged.rename(target)
        sync_folder(target.parent)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
