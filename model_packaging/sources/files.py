"""The trained files that go to an engine as they are: one file, or a folder of them."""

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
"""Suffixes of what is code, or may be unpickled or run by what loads it."""

MAX_FILES = 2_000


def source_files(spec: ModelSpec) -> dict[str, Path]:
    """The files of a model's source, by their path in it; hidden ones stay behind.

    Links are followed: Hugging Face's cache consists of them.

    Raises:
        SourceUnreadable: there are none, too many, or one leads nowhere.
    """
    if not spec.source.is_dir():
        return {spec.source.name: spec.source}
    files = sorted(islice(_visible(spec.source), MAX_FILES + 1))
    if not 0 < len(files) <= MAX_FILES:
        raise SourceUnreadable(spec.name, spec.source, f"holds no files, or over {MAX_FILES}")
    for path in files:
        if not path.is_file():
            raise SourceUnreadable(spec.name, path, "is a broken link, or no file")
    return {path.relative_to(spec.source).as_posix(): path for path in files}


def _visible(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and not path.is_dir():
            yield path
