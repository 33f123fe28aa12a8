"""A model as its container sees it: SageMaker unpacks a `model.tar.gz`."""

import tarfile
from pathlib import Path

_ARCHIVE = "model.tar.gz"


def unpacked_model(folder: Path, target: Path) -> Path:
    """Return the folder of a model's files, which is `target` if they were in an archive.

    Args:
        folder: what is in S3.
        target: where an archive is unpacked.
    """
    archive = folder / _ARCHIVE
    if not archive.is_file():
        return folder
    with tarfile.open(archive) as content:
        content.extractall(target, filter="data")
    return target
