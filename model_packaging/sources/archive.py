"""Sources that are zip archives: what is in them is looked at before a framework unpacks it."""

import zipfile
from pathlib import PurePosixPath

from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec

MAX_BYTES = 4 << 30
"""Of all members unpacked: twice what one ONNX model can hold."""

MAX_RATIO = 200
"""Of a member's bytes to what it takes in the archive; weights hardly shrink."""

_SMALL = 1 << 20


def require_harmless(spec: ModelSpec) -> None:
    """Refuse an archive that would fill the machine, or write outside its folder.

    A source that is no zip archive passes; whether it is of the right kind is for its reader.

    Raises:
        SourceUnreadable: it is a bomb, or a member's path leaves the archive.
    """
    if not zipfile.is_zipfile(spec.source):
        return
    try:
        with zipfile.ZipFile(spec.source) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        reason = f"is damaged or no archive: {error}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error
    total = sum(member.file_size for member in members)
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            reason = f"holds a path that leaves the archive: '{member.filename[:100]}'"
            raise SourceUnreadable(spec.name, spec.source, reason)
        swollen = member.file_size > MAX_RATIO * max(member.compress_size, 1)
        if total > MAX_BYTES or (swollen and member.file_size > _SMALL):
            reason = f"unpacks to {total} bytes, as no weights do; take it from where it was made"
            raise SourceUnreadable(spec.name, spec.source, reason)
