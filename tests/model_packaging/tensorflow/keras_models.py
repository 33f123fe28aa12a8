"""Keras models for the tests of TensorFlow, saved and converted."""

from pathlib import Path
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion, open_served
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape


def saved(folder: Path, model: Any, **inputs: InputShape) -> ModelSpec:
    """The spec of a Keras model, with what the manifest says of its inputs."""
    model.save(folder / "m.keras")
    return ModelSpec("m", folder / "m.keras", inputs=inputs)


def checked(spec: ModelSpec) -> Conversion:
    """The model's conversion, which has passed the check."""
    conversion = CONVERTER.convert(spec)
    check(spec, conversion)
    return conversion


def answer(spec: ModelSpec, conversion: Conversion, **inputs: Array) -> dict[str, Array]:
    """What the converted model answers."""
    return open_served(spec.name, conversion, conversion.onnx).run(inputs)
