"""Checks sources that are zip archives before a framework unpacks them."""

import zipfile
from pathlib import PurePosixPath

from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec

MAX_BYTES = 4 << 30
"""The limit for all unpacked members: twice the largest ONNX model."""

MAX_RATIO = 200
"""The limit of a member's compression ratio; weights hardly shrink."""

_SMALL = 1 << 20


def require_harmless(spec: ModelSpec) -> None:
    """Reject an archive that would fill the disk, or write outside its folder.

    A source that is not a zip archive passes; its reader checks its type.

    Raises:
        SourceUnreadable: it is a zip bomb, or a member's path leaves the archive.
    """
    if not zipfile.is_zipfile(spec.source):
        return
    try:
        with zipfile.ZipFile(spec.source) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        reason = f"is damaged, or not an archive: {error}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error
    total = sum(member.file_size for member in members)
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            reason = f"contains a path that leaves the archive: '{member.filename[:100]}'"
            raise SourceUnreadable(spec.name, spec.source, reason)
        swollen = member.file_size > MAX_RATIO * max(member.compress_size, 1)
        if total > MAX_BYTES or (swollen and member.file_size > _SMALL):
            reason = f"unpacks to {total} bytes, more than the limit for weights; download it again"
            raise SourceUnreadable(spec.name, spec.source, reason)
