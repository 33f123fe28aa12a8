"""Models that are folders: which files make them up."""

from pathlib import Path

from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec


def folder_files(spec: ModelSpec) -> tuple[Path, ...]:
    """All files below the source's folder, sorted; hidden ones are no part of the model.

    Raises:
        SourceUnreadable: a link leads out of the folder, or nowhere.
    """
    folder = spec.source.resolve()
    found = []
    for path in sorted(spec.source.rglob("*")):
        below = path.relative_to(spec.source)
        if any(part.startswith(".") for part in below.parts):
            continue
        if not path.resolve().is_relative_to(folder):
            reason = f"holds a link that leaves it: '{below}'; put the file itself there"
            raise SourceUnreadable(spec.name, spec.source, reason)
        if path.is_symlink() and not path.exists():
            reason = f"holds a link to nothing: '{below}'"
            raise SourceUnreadable(spec.name, spec.source, reason)
        if path.is_file():
            found.append(path)
    return tuple(found)
