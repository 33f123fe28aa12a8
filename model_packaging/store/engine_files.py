"""The files that an engine loads: listed with their digests, and streamed.

They may have many gigabytes and are never held in memory. A reader gets the listed content or an
error: `read` verifies the digest while it streams.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

from lading.functions.inference.artifact.specification import EngineFile
from lading.model_packaging.documents import canonical
from lading.model_packaging.store.errors import StoreError

CHUNK_BYTES = 1 << 20


class Readable(Protocol):
    """A stream of bytes, such as a file or an S3 response."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes; none at the end."""


Open = Callable[[str], AbstractContextManager[Readable]]
"""Opens the file at a path of the list."""


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """The files below `engine/`, by path.

    Args:
        model: the model that they belong to.
        place: their folder or address, for errors.
        files: digest and size of each file.
        opener: opens a file.
    """

    model: str
    place: str
    files: Mapping[str, EngineFile]
    opener: Open

    @property
    def digest(self) -> str:
        """See `engine_digest`."""
        return engine_digest(self.files)

    @property
    def size(self) -> int:
        """The size of all files together, in bytes."""
        return sum(file.bytes for file in self.files.values())

    def read(self, path: str, piece: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Yield the content of a file in pieces of `piece` bytes; the last may be shorter.

        Raises:
            StoreError: it cannot be read, or differs from the list; then its last piece is
                withheld.
        """
        listed, digest, size = self.files[path], hashlib.sha256(), 0
        last = b""
        for content in self._pieces(path, piece):
            if last:
                yield last
            digest.update(content)
            size += len(content)
            last = content
            if size > listed.bytes:
                break
        if EngineFile(f"sha256:{digest.hexdigest()}", size) != listed:
            was = f"{listed.bytes:,} bytes with digest {listed.digest}"
            reason = f"has changed, it had {was}; restore it, or package the model again"
            raise self._refused(path, reason)
        if last:
            yield last

    def verify(self) -> None:
        """Read every file.

        Raises:
            StoreError: one cannot be read, or differs from the list.
        """
        for path in self.files:
            for _ in self.read(path):
                pass

    def _pieces(self, path: str, size: int) -> Iterator[bytes]:
        try:
            with self.opener(path) as stream:
                while content := _full(stream, size):
                    yield content
        except OSError as error:
            raise self._refused(path, f"cannot be read: {error.strerror}") from error

    def _refused(self, path: str, reason: str) -> StoreError:
        return StoreError(self.model, f"{self.place}/{path}", reason)


def _full(stream: Readable, size: int) -> bytes:
    """Read `size` bytes, and fewer only at the end; networks may return fewer at any time."""
    pieces: list[bytes] = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def engine_digest(files: Mapping[str, EngineFile]) -> str:
    """Return the hexadecimal SHA-256 of paths and digests; the last part of their S3 prefix."""
    listed = [[path, files[path].digest] for path in sorted(files)]
    return hashlib.sha256(canonical(listed)).hexdigest()


def gather(model: str, place: Path, contents: Mapping[str, bytes | Path]) -> EngineFiles:
    """List files that are in memory or on this machine.

    Args:
        model: the model that they belong to.
        place: the folder of the trained model, for errors.
        contents: the content or its file, by path.

    Raises:
        OSError: one cannot be read.
    """

    @contextmanager
    def opener(path: str) -> Iterator[Readable]:
        content = contents[path]
        with BytesIO(content) if isinstance(content, bytes) else content.open("rb") as stream:
            yield stream

    files = {path: _listed(opener, path) for path in contents}
    return EngineFiles(model, str(place), files, opener)


def _listed(opener: Open, path: str) -> EngineFile:
    digest, size = hashlib.sha256(), 0
    with opener(path) as stream:
        while piece := stream.read(CHUNK_BYTES):
            digest.update(piece)
            size += len(piece)
    return EngineFile(f"sha256:{digest.hexdigest()}", size)
