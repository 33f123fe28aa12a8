"""What a training depends on: code, data and parameters. The same recipe is the same training."""

import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lading.functions.inference.artifact.reading import sha256
from lading.model_packaging.documents import canonical
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.training import Scalar, TrainSpec
from lading.model_packaging.sources.local_imports import local_imports
from lading.training.channels import Channel, Objects, read_channels
from lading.training.contract import NAME
from lading.training.errors import TrainingError

_GIT_SECONDS = 30


@dataclass(frozen=True)
class Recipe:
    """The code, the data and the parameters of one training.

    Args:
        spec: the model.
        code: the contents of the code's files, by their path in its folder; they are read once,
            so that what runs is what the key describes.
        channels: the data.
        parameters: the hyperparameters, in the manifest's order.
        search: the ranges and the number of trials, if it is a search for some of them.
    """

    spec: ModelSpec
    code: Mapping[str, bytes]
    channels: Mapping[str, Channel]
    parameters: Mapping[str, Scalar]
    search: Mapping[str, Any] | None = None

    @property
    def train(self) -> TrainSpec:
        """The manifest's key `train`."""
        assert self.spec.train is not None
        return self.spec.train

    @cached_property
    def code_digest(self) -> str:
        """The digest of the code's names and contents."""
        return sha256(canonical([[name, sha256(content)] for name, content in self.code.items()]))

    @cached_property
    def key(self) -> str:
        """The digest of everything that decides what is trained."""
        document: dict[str, Any] = {
            "entry": self.train.entry.name,
            "code": self.code_digest,
            "data": {name: channel.digest for name, channel in self.channels.items()},
            "parameters": dict(self.parameters),
        }
        if self.search:
            document["search"] = self.search
        return sha256(canonical(document))

    def facts(self) -> dict[str, Any]:
        """Return the part of a training's record that is known before it runs."""
        return {
            "key": self.key,
            "entry": self.train.entry.name,
            "commit": commit_of(self.train.entry.parent),
            "code": self.code_digest,
            "data": {name: channel.digest for name, channel in self.channels.items()},
            "parameters": dict(self.parameters),
            "seed": self.parameters.get("seed"),
        }


def read_recipe(spec: ModelSpec, objects: Objects) -> Recipe:
    """Return the recipe of a model's training, or of its search.

    Args:
        spec: the model.
        objects: the way to S3, for channels there.

    Raises:
        ManifestError: the manifest has no `train`.
        TrainingError: the script, a file or a channel is missing.
    """
    if spec.train is None:
        raise ManifestError(spec.place("train"), "is missing; add it to train this model")
    code = {name: path.read_bytes() for name, path in code_files(spec).items()}
    channels = read_channels(spec, objects)
    return Recipe(spec, code, channels, spec.train.parameters, _search(spec.train))


def _search(train: TrainSpec) -> dict[str, Any] | None:
    """Return what decides the result of a search."""
    if train.search is None:
        return None
    decides = asdict(train.search)
    del decides["parallel"]
    return decides


def code_files(spec: ModelSpec) -> dict[str, Path]:
    """Return the script, the modules beside it that it imports, and the files that it needs.

    Raises:
        TrainingError: one is missing, or not in the script's folder.
    """
    assert spec.train is not None
    entry, place = spec.train.entry, spec.place_of_training("entry")
    if not entry.is_file():
        raise TrainingError(place, f"{entry} is missing; put the script there or correct the path")
    if entry.suffix != ".py" or entry.name == NAME:
        raise TrainingError(place, f"must be a Python file with another name, not {entry.name}")
    folder = entry.parent
    paths = [entry, *local_imports(folder, entry.stem).values()]
    for path in spec.train.files:
        if not path.is_file() or not path.is_relative_to(folder):
            reason = f"{path} must be a file in or below {folder}, the folder of the script"
            raise TrainingError(spec.place_of_training("files"), reason)
        paths.append(path)
    return dict(sorted((path.relative_to(folder).as_posix(), path) for path in paths))


def commit_of(folder: Path) -> str | None:
    """Return the commit of a checkout, with `-dirty` if files have changed; None outside of one."""
    command = ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        run = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if run.returncode else run.stdout.strip()
