"""The interface of engines, which turn a model into the files that a container loads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.engine_options import OptionRule, Value
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec

MODEL_FOLDER = "/opt/ml/model"
"""Where SageMaker mounts the engine's files in the container."""


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A converted model, its signature, and a request for it, if a small one is known."""

    content: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    request: Mapping[str, Array] | None


class EnsembleStep(NamedTuple):
    """A call of a model of an ensemble.

    Args:
        model: its name.
        inputs: its inputs -> tensors of the ensemble.
        outputs: its outputs, as far as they are used -> tensors of the ensemble.
    """

    model: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OnnxEnsemble:
    """Models that answer together.

    Args:
        models: the models, by their names.
        steps: their calls, each after those whose tensors it needs.
        inputs: what callers send.
        outputs: what they get: tensors of the steps.
    """

    models: Mapping[str, OnnxModel]
    steps: tuple[EnsembleStep, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


Converted = OnnxModel | OnnxEnsemble
"""What an engine for ONNX gets."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The files and settings of an engine's container.

    Args:
        contents: the files, in memory or on this machine, by path below `engine/`.
        environment: the container's environment variables.
        archive: whether the container gets one `model.tar.gz` instead of the files.
    """

    contents: Mapping[str, bytes | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    archive: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine; importing its module is cheap.

    Args:
        name: its name in the manifest.
        takes_onnx: whether it gets a converted, checked model; otherwise the trained files.
        rules: the values that each of its options accepts.
        write: prepares a model of the manifest, with checked options and the converted model if the
            engine needs one. Raises SourceError when the engine cannot serve the trained files.
    """

    name: EngineName
    takes_onnx: bool
    rules: Mapping[str, OptionRule]
    write: Callable[[ModelSpec, Mapping[str, Value], Converted | None], Serving]
