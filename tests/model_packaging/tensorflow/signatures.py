"""SavedModels with one signature, for the tests of TensorFlow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lading.functions.inference.artifact.specification import SERVING_DEFAULT
from lading.model_packaging.manifest.models import ModelSpec


def save(folder: Path, function: Callable[..., Any], **inputs: Any) -> ModelSpec:
    """The spec of a SavedModel with one signature."""
    import tensorflow as tf

    module = tf.Module()
    module.held = getattr(function, "held", None)
    traced = tf.function(function, autograph=False).get_concrete_function(**inputs)
    tf.saved_model.save(module, str(folder / "saved"), {SERVING_DEFAULT: traced})
    return ModelSpec("m", folder / "saved")
