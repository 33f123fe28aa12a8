"""What serves a model on SageMaker: an engine gets a model and gives the files that it loads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.engine_options import OptionRule, Value
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec

MODEL_FOLDER = "/opt/ml/model"
"""Where SageMaker mounts the engine's files in the container."""


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A converted model, its signature, and a request of it, if a small one is known."""

    content: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    request: Mapping[str, Array] | None


@dataclass(frozen=True, slots=True)
class Serving:
    """What an engine needs.

    Args:
        contents: its files, in memory or on this machine, by path below `engine/`.
        environment: environment variables of its container.
        archive: the container takes one `model.tar.gz` instead of the files.
    """

    contents: Mapping[str, bytes | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    archive: bool = False


class Engine(Protocol):
    """One engine; its module imports nothing heavy."""

    @property
    def name(self) -> EngineName:
        """Its name in the manifest."""

    @property
    def takes_onnx(self) -> bool:
        """Whether it gets a converted, checked model; else the trained files as they are."""

    @property
    def rules(self) -> Mapping[str, OptionRule]:
        """What each of its options may be."""

    def write(
        self, spec: ModelSpec, options: Mapping[str, Value], model: OnnxModel | None
    ) -> Serving:
        """What the engine needs to serve a model.

        Args:
            spec: the model, from the manifest.
            options: its options, checked by `rules`.
            model: the converted model, when the engine takes one.

        Raises:
            SourceError: the trained files are not what the engine serves.
        """
