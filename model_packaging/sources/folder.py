"""Lists the files of models that are folders."""

from pathlib import Path

from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec


def folder_files(spec: ModelSpec) -> tuple[Path, ...]:
    """Return all files below the source's folder, sorted, without hidden files.

    Raises:
        SourceUnreadable: a link leads out of the folder, or is broken.
    """
    folder = spec.source.resolve()
    found = []
    for path in sorted(spec.source.rglob("*")):
        below = path.relative_to(spec.source)
        if any(part.startswith(".") for part in below.parts):
            continue
        if not path.resolve().is_relative_to(folder):
            reason = f"contains a link that leaves it: '{below}'; replace it with the file"
            raise SourceUnreadable(spec.name, spec.source, reason)
        if path.is_symlink() and not path.exists():
            reason = f"contains a broken link: '{below}'"
            raise SourceUnreadable(spec.name, spec.source, reason)
        if path.is_file():
            found.append(path)
    return tuple(found)
