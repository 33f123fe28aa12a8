"""Lists the trained files that an engine gets unchanged: one file, or a folder."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec

RUNS_CODE = frozenset(
    (
        *(".bin", ".ckpt", ".dill", ".h5", ".joblib", ".keras", ".msgpack", ".npy", ".pickle"),
        *(".pkl", ".pt", ".pt2", ".pth", ".py", ".pyc", ".sh", ".so"),
    )
)
"""Suffixes of files that are code, or that may run code when they are loaded."""

MAX_FILES = 2_000


def source_files(spec: ModelSpec) -> dict[str, Path]:
    """Return the files of a model's source by their path in it, without hidden files.

    Links are followed, since Hugging Face's cache consists of them.

    Raises:
        SourceUnreadable: there are no files, too many, or a broken link.
    """
    if not spec.source.is_dir():
        return {spec.source.name: spec.source}
    files = sorted(islice(_visible(spec.source), MAX_FILES + 1))
    if not 0 < len(files) <= MAX_FILES:
        raise SourceUnreadable(spec.name, spec.source, f"has no files, or more than {MAX_FILES}")
    for path in files:
        if not path.is_file():
            raise SourceUnreadable(spec.name, path, "is a broken link, or not a file")
    return {path.relative_to(spec.source).as_posix(): path for path in files}


def _visible(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and not path.is_dir():
            yield path
