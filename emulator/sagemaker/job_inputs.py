"""The objects that a job reads, and what an image runs: shared by batch and processing jobs."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lading.emulator.engines.container_process import Program, service_container
from lading.emulator.sagemaker.training_folder import Bucket

ImageProgram = Callable[[str, Path], Program]
"""Returns what stands in for an image that serves the model in a folder."""


def own_container(_image: str, folder: Path) -> Program:
    """Return Lading's own container, which answers for any image whose model it can load."""
    return service_container(folder)


def fetch_objects(bucket: Bucket, source: Mapping[str, Any], folder: Path) -> list[str]:
    """Write the objects of an input to a folder; return their names below it, in order.

    Args:
        bucket: the way to S3.
        source: `S3DataType` and `S3Uri`, as requests of jobs state them.
        folder: the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if source.get("S3DataType") != "ManifestFile":
        bucket.fetch(source["S3Uri"], folder)
        found = (path for path in folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(folder).as_posix() for path in found)
    listed = folder.with_name(f"{folder.name}-manifest")
    bucket.fetch(source["S3Uri"], listed)
    (path,) = listed.iterdir()
    first, *names = json.loads(path.read_bytes())
    for name in names:
        bucket.fetch(f"{first['prefix']}{name}", (folder / name).parent)
    return [str(name) for name in names]
