"""An artifact as one zip, in the layout of the Lambda layer that it becomes.

`models/<name>/<version>/<file>`, sorted by name, with one fixed time and mode: equal files give
equal bytes. Files are stored without compression: weights hardly shrink, a zip in S3 may be large,
compressed bytes would depend on the version of zlib, and a reader that accepts only stored files
never needs more memory than the zip has bytes.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Protocol
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.contract.names import artifact_archive, artifact_folder

MAX_ARCHIVE_BYTES = (1 << 31) - 1
"""The limit of a zip without its 64-bit extension, and protobuf's limit for a model."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX, _MODE = 3, 0o100644
_ENCRYPTED = 1
_END, _END64, _NO_COMMENT = b"PK\5\6", b"PK\6\7", b"\0\0"
_END_BYTES, _END64_BYTES = 22, 20
_MAX_DIRECTORY_BYTES = 1 << 16


class StreamedBody(Protocol):
    """A stream of bytes, such as the body of an S3 response."""

    def read(self) -> bytes:
        """Return all bytes."""


def pack(name: str, version: int, files: Mapping[str, bytes]) -> bytes:
    """Return the zip of a version.

    Raises:
        ArtifactCorrupt: the files are too large for a zip.
    """
    _check_size(name, version, sum(map(len, files.values())) + _MAX_DIRECTORY_BYTES)
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for file in sorted(files):
            info = ZipInfo(f"{artifact_folder(name, version)}/{file}", _EPOCH)
            info.create_system, info.external_attr = _UNIX, _MODE << 16
            archive.writestr(info, files[file])
    return buffer.getvalue()


def unpack(stream: StreamedBody, size: int, name: str, version: int) -> dict[str, bytes]:
    """Return the files of a version's zip, by name.

    Args:
        stream: the zip.
        size: its length, known before it is read.
        name: the model that it must contain.
        version: the version that it must contain.

    Raises:
        ArtifactCorrupt: it is too large, or not in the form that `pack` writes.
    """
    _check_size(name, version, size)
    content = stream.read()
    _check_end(name, version, content[-_END_BYTES - _END64_BYTES :])
    try:
        with ZipFile(BytesIO(content)) as archive:
            return {
                _plain_name(name, version, info): archive.read(info)
                for info in _checked(name, version, archive.infolist(), len(content))
            }
    except (BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise _corrupt(name, version, f"cannot be read: {error}") from error


def _check_end(name: str, version: int, end: bytes) -> None:
    """Refuse a list of files that would need much more memory than its bytes."""
    end64, end = end[:-_END_BYTES], end[-_END_BYTES:]
    if not end.startswith(_END) or not end.endswith(_NO_COMMENT) or end64.startswith(_END64):
        raise _corrupt(name, version, "does not have the end of an artifact's zip")
    if int.from_bytes(end[12:16], "little") > _MAX_DIRECTORY_BYTES:
        raise _corrupt(name, version, "lists too many files")


def _checked(name: str, version: int, entries: list[ZipInfo], size: int) -> list[ZipInfo]:
    """Return the entries, checked to hold no more bytes than the zip has."""
    for info in entries:
        stored = info.compress_type == ZIP_STORED and info.compress_size == info.file_size
        if not stored or info.flag_bits & _ENCRYPTED:
            raise _corrupt(name, version, f"contains {info.filename!r} compressed or encrypted")
    if sum(info.file_size for info in entries) > size:
        raise _corrupt(name, version, "states sizes larger than the zip")
    if len({info.filename for info in entries}) != len(entries):
        raise _corrupt(name, version, "contains a file twice")
    return entries


def _plain_name(name: str, version: int, info: ZipInfo) -> str:
    folder, _, file = info.filename.rpartition("/")
    if folder != artifact_folder(name, version) or file in ("", ".", "..") or "\\" in file:
        raise _corrupt(name, version, f"contains a file outside its folder, {info.filename!r}")
    return file


def _check_size(name: str, version: int, size: int) -> None:
    if size > MAX_ARCHIVE_BYTES:
        raise _corrupt(name, version, f"is larger than {MAX_ARCHIVE_BYTES} bytes")


def _corrupt(name: str, version: int, reason: str) -> ArtifactCorrupt:
    return ArtifactCorrupt(artifact_archive(name, version), reason)
