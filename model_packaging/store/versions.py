"""Where published versions lie: each appears whole or not at all, and then never changes.

A store is one module: `local_store` for a folder, `s3_store` for a versioned bucket.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lading.functions.contract.names import artifact_archive
from lading.model_packaging.lock.file import LocalCopy, S3Copy
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built, Published
from lading.model_packaging.store.s3 import S3Store


class Store(Protocol):
    """Immutable versions of models.

    `pinned` is always what the lock knows of the model: version -> digest. A version that the
    lock pins to another digest is somebody else's, and its number is taken.
    """

    def versions(self, name: str) -> tuple[int, ...]:
        """The published versions of a model, ascending."""

    def find(self, name: str, identity: str, pinned: Mapping[int, str]) -> int | None:
        """The version with this identity, if it is published.

        Raises:
            StoreError: a version's specification cannot be read.
        """

    def publish(
        self, name: str, built: Built, pinned: Mapping[int, str], number: int | None = None
    ) -> int:
        """Publish an artifact's files, with those of its engine, and return its version.

        An identity that is published already keeps its version; one that the lock pins with the
        same digest gets that version back; any other gets `number`, or the next free one where the
        source brings no number along.

        Raises:
            NumberTaken: `number` is not above all published versions.
            StoreError: it cannot be written; nothing is published.
        """

    def place(self, name: str, version: int, built: Built) -> None:
        """Put a version that another store has under its number; nothing to do when it is there.

        Raises:
            StoreError: it cannot be written, or another artifact has this number.
        """

    def open(self, name: str, version: int, digest: str | None = None) -> Published:
        """Read and verify a version.

        Args:
            name: the model.
            version: the version's number.
            digest: SHA-256 that its artifact.json must have; None trusts the store.

        Raises:
            StoreError: it is missing or damaged.
        """

    def copy(self, name: str, version: int, digest: str, lock: Path) -> LocalCopy | S3Copy:
        """What the lock at this path writes of a version that lies here.

        Raises:
            StoreError: it does not lie here, or with another digest.
        """


def open_store(address: str) -> Store:
    """The store at `s3://bucket/prefix`, or in a folder.

    Raises:
        StoreError: there are no stores at such an address.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return LocalStore(Path(address))
    if scheme == "s3":
        return S3Store.at(rest)
    raise StoreError(None, address, "is no store; give a folder or s3://bucket/prefix")


def store_of(copy: LocalCopy | S3Copy, name: str, version: int, lock: Path) -> Store:
    """The store in which a version's copy lies, opened to read that very copy."""
    if isinstance(copy, LocalCopy):
        return LocalStore(lock.parent / copy.path)
    prefix = copy.key.removesuffix(artifact_archive(name, version))
    return S3Store(copy.bucket, prefix, copy.version_id)
