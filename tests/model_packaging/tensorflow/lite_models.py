"""TFLite files for tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROWS = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)


def perceptron() -> Any:
    """A Keras model of 8 numbers and 3 classes."""
    import keras

    keras.utils.set_random_seed(7)
    layers, given = keras.layers, keras.Input((8,), name="x")
    hidden = layers.Dense(16, activation="relu", bias_initializer="random_normal")(given)
    return keras.Model(given, layers.Dense(3, activation="softmax", name="p")(hidden))


def save_lite(path: Path, model: Any, kind: str = "float") -> Path:
    """Save it as TFLite: `float`, with weights of 8 bits (`dynamic`), or with all of 8 bits."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind in ("int8", "uint8"):
        converter.representative_dataset = _rows
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.dtypes.as_dtype(kind)
    if kind == "int16":
        converter.representative_dataset = _rows
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    path.write_bytes(converter.convert())
    return path


def _rows() -> Iterator[list[Any]]:
    for row in ROWS:
        yield [row[None]]
