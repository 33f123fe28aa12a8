"""Stores of published versions: a version appears complete or not at all, and never changes.

To add a store, write a module with a class that satisfies `Store`, add a line to `open_store`, and
add a kind of copy to `lock.file`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lading.functions.contract.names import artifact_archive
from lading.model_packaging.lock.file import LocalCopy, S3Copy
from lading.model_packaging.store.contents import Stored
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built, Published
from lading.model_packaging.store.s3 import S3Store


class Store(Protocol):
    """Immutable versions of models.

    `pinned` has the lock's versions of the model and their digests. A version that the lock pins to
    another digest belongs to another publisher, and its number is taken.
    """

    def versions(self, name: str) -> tuple[int, ...]:
        """Return the published versions of a model, in ascending order."""

    def find(self, name: str, identity: str, pinned: Mapping[int, str]) -> int | None:
        """Return the version with this identity, if it is published.

        Raises:
            StoreError: a version's specification cannot be read.
        """

    def publish(
        self, name: str, built: Built, pinned: Mapping[int, str], number: int | None = None
    ) -> int:
        """Publish the files of an artifact and its engine, and return its version.

        A published identity keeps its version, and a digest that the lock pins gets its version
        back. Any other gets `number`, or the next free number if the source states none.

        Raises:
            NumberTaken: `number` is not above all published versions.
            StoreError: it cannot be written; nothing is published.
        """

    def place(self, name: str, version: int, built: Built) -> None:
        """Store a version of another store under its number, unless it is there.

        Raises:
            StoreError: it cannot be written, or another artifact has this number.
        """

    def open(self, name: str, version: int, digest: str | None = None) -> Published:
        """Read and verify a version.

        Args:
            name: the model.
            version: the version's number.
            digest: the SHA-256 of its artifact.json; None trusts the store.

        Raises:
            StoreError: it is missing or damaged.
        """

    def copy(self, name: str, version: int, digest: str, lock: Path) -> LocalCopy | S3Copy:
        """Return the lock's entry for the copy of a version in this store.

        Raises:
            StoreError: it is not here, or has another digest.
        """

    def attest(self, name: str, version: int, digest: str, bundle: bytes) -> None:
        """Give a published version a signature, in place of the one that it may have.

        Args:
            name: the model.
            version: the version's number.
            digest: the SHA-256 of its artifact.json.
            bundle: the signature.

        Raises:
            StoreError: the version is not here or has another digest, or cannot be written.
        """

    def attestation(self, name: str, version: int, digest: str) -> bytes | None:
        """Return a version's signature, unverified, without reading the version; None without one.

        Raises:
            StoreError: it cannot be read.
        """

    def contents(self, name: str) -> tuple[Stored, ...]:
        """Return the versions of a model, and the files beside them that several may need.

        Raises:
            StoreError: it cannot be read.
        """

    def remove(self, name: str, stored: Stored) -> None:
        """Remove a version, or files beside the versions; S3 keeps them as noncurrent versions.

        Raises:
            StoreError: it cannot be removed.
        """


def open_store(address: str) -> Store:
    """Return the store at `s3://bucket/prefix`, or in a folder.

    `s3://bucket/prefix?owner=123456789012` says to which account the bucket must belong.

    Raises:
        StoreError: the address has another scheme.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return LocalStore(Path(address))
    if scheme == "s3":
        return S3Store.at(rest)
    raise StoreError(None, address, "is not a store; use a folder or s3://bucket/prefix")


def store_of(copy: LocalCopy | S3Copy, name: str, version: int, lock: Path) -> Store:
    """Return the store of a version's copy, opened to read that copy."""
    if isinstance(copy, LocalCopy):
        return LocalStore(lock.parent / copy.path)
    prefix = copy.key.removesuffix(artifact_archive(name, version))
    return S3Store(copy.bucket, prefix, copy.version_id, copy.owner)
