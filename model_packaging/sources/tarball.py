"""`model.tar.gz` for containers that need one: written as a stream, unpacked with strict checks.

The same files give the same bytes: sorted by path, with one time, owner and mode, and stored
without compression, since weights hardly shrink. Only regular files are unpacked, only below the
folder, and within limits for their number and size.
"""

import gzip
import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self

from lading.functions.inference.artifact.specification import EngineFile
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.store.engine_files import EngineFiles, Readable

ARCHIVE = "model.tar.gz"

MAX_FILES = 2_000

_BLOCK, _RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE
_MAX_HEADER_BYTES = 1 << 16
_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


class ArchiveRefused(PackagingError):
    """A model.tar.gz is damaged, or contains something that must not be unpacked.

    Remedy: do not use the archive; make a new one from the model's files.
    """

    def __init__(self, archive: Path, reason: str) -> None:
        super().__init__(f"{archive} {reason}; do not use it, and package the model again")
        self.archive, self.reason = archive, reason


def archived(files: EngineFiles) -> EngineFiles:
    """Return the files as one `model.tar.gz`, which is written each time it is read."""
    digest, size = hashlib.sha256(), 0
    for piece in _stream(files):
        digest.update(piece)
        size += len(piece)

    @contextmanager
    def opener(_path: str) -> Iterator[Readable]:
        yield _Reading(_stream(files))

    listed = {ARCHIVE: EngineFile(f"sha256:{digest.hexdigest()}", size)}
    return EngineFiles(files.model, files.place, listed, opener)


def _stream(files: EngineFiles) -> Iterator[bytes]:
    sink, size = BytesIO(), 0
    with gzip.GzipFile("", "wb", 0, sink, mtime=0) as zipped:
        for path in sorted(files.files):
            for piece in _member(files, path):
                size += zipped.write(piece)
                yield _taken(sink)
        zipped.write(bytes(-(size + 2 * _BLOCK) % _RECORD + 2 * _BLOCK))
    yield _taken(sink)


def _member(files: EngineFiles, path: str) -> Iterator[bytes]:
    info = tarfile.TarInfo(path)
    info.size = files.files[path].bytes
    yield info.tobuf()
    yield from files.read(path)
    yield bytes(-info.size % _BLOCK)


def _taken(sink: BytesIO) -> bytes:
    content = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return content


class _Reading:
    """Reads pieces as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, size: int = -1, /) -> bytes:
        """See `Readable.read`."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        size = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


class _CheckedInfo(tarfile.TarInfo):
    """A member with a limit on its extra headers, which are read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """See `TarInfo.frombuf`."""
        info = super().frombuf(buf, encoding, errors)
        if info.type in _HEADERS and info.size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {info.size} bytes")
        return info


def unpack(archive: Path, folder: Path, max_bytes: int) -> None:
    """Unpack a model.tar.gz into an empty folder.

    Args:
        archive: the file.
        folder: the target; do not use its content if the archive is rejected.
        max_bytes: the limit for all its files together.

    Raises:
        ArchiveRefused: it is damaged, too large, leads out of the folder, or contains anything but
            regular files and folders.
    """
    left = max_bytes
    try:
        with archive.open("rb") as raw, _opened(raw) as tar:
            for count, info in enumerate(tar, 1):
                left -= info.size
                _check(archive, info, count)
                if left < 0:
                    reason = f"unpacks to more than {max_bytes:,} bytes, the limit on this disk"
                    raise ArchiveRefused(archive, reason)
                tar.extract(info, folder, set_attrs=False, filter="data")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ArchiveRefused(archive, f"cannot be unpacked: {error}") from error


def _opened(raw: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=raw, mode="r|gz", tarinfo=_CheckedInfo)


def _check(archive: Path, info: tarfile.TarInfo, count: int) -> None:
    if count > MAX_FILES:
        raise ArchiveRefused(archive, f"has more than {MAX_FILES:,} files")
    if info.issparse() or not (info.isreg() or info.isdir()):
        raise ArchiveRefused(archive, f"contains {info.name!r}, which is not a regular file")
