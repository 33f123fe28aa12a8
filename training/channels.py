"""The channels of a training: which files they have, and their digest.

A channel on this machine has the digest of its files' names and contents. One in S3 has that of its
objects' names, sizes and entity tags, so that nothing is downloaded to learn that nothing changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lading.functions.inference.artifact.reading import sha256
from lading.model_packaging.documents import canonical
from lading.model_packaging.manifest.models import ModelSpec
from lading.training.errors import TrainingError

_MOST_FILES = 100_000


class Objects(Protocol):
    """Objects in S3; `s3.Bucket` is one. An address is s3://bucket/prefix."""

    def tags(self, address: str) -> Mapping[str, tuple[int, str]]:
        """Return size and entity tag of each object below an address, by its name below it."""

    def download(self, address: str, folder: Path) -> None:
        """Write all objects below an address to a folder."""

    def upload(self, files: Mapping[str, Path], address: str) -> None:
        """Write files, by their names below an address."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its files by name if they are on this machine, else its address in S3."""

    name: str
    files: Mapping[str, Path]
    address: str
    digest: str


def read_channels(spec: ModelSpec, objects: Objects) -> dict[str, Channel]:
    """Return the channels of a model's training.

    Raises:
        TrainingError: one is missing or empty.
    """
    assert spec.train is not None
    return {
        name: _remote(spec, name, location, objects)
        if isinstance(location, str)
        else _local(spec, name, location)
        for name, location in spec.train.channels.items()
    }


def _local(spec: ModelSpec, name: str, path: Path) -> Channel:
    place = spec.place_of_training(f"channels.{name}")
    if not path.exists():
        raise TrainingError(place, f"{path} is missing; put it there or correct the path")
    files = files_below(path) if path.is_dir() else {path.name: path}
    if not files:
        raise TrainingError(place, f"{path} is empty; put the data there")
    if len(files) > _MOST_FILES:
        raise TrainingError(place, f"{path} has more than {_MOST_FILES:,} files; pack them")
    if not any(each.stat().st_size for each in files.values()):
        raise TrainingError(place, f"{path} has only empty files; put the data there")
    digests = [[each, sha256(file.read_bytes())] for each, file in files.items()]
    return Channel(name, files, "", sha256(canonical(digests)))


def _remote(spec: ModelSpec, name: str, address: str, objects: Objects) -> Channel:
    tags = {key: tag for key, tag in objects.tags(address).items() if tag[0]}
    if not tags:
        place = spec.place_of_training(f"channels.{name}")
        raise TrainingError(place, f"{address} has no data; correct the address, or put it there")
    if list(tags) != [address.rpartition("/")[2]]:  # a folder: rows/ is not also rows2/
        address = f"{address.rstrip('/')}/"
    return Channel(name, {}, address, sha256(canonical(sorted(tags.items()))))


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their path in it, sorted, without hidden ones."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        below.as_posix(): path
        for below, path in found.items()
        if not any(part.startswith(".") for part in below.parts)
    }
