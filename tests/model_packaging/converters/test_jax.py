"""The ways from JAX that `docs/frameworks.md` names; `pip install jax2onnx keras tensorflow-cpu`.

JAX is in no set of requirements: nothing here needs it but these tests, which its absence skips.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.support.frameworks import needs

SEED, ROWS, FEATURES, CLASSES = 0, 64, 8, 3

FUNCTION = """
import sys
import jax, jax.numpy as jnp, numpy as np

keys = jax.random.split(jax.random.key(0), 2)
inward, outward = jax.random.normal(keys[0], (8, 64)), jax.random.normal(keys[1], (64, 3))

def scores(x):
    return jax.nn.softmax(jax.nn.relu(x @ inward) @ outward)

rows = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
np.savez("answers.npz", x=rows, y=np.asarray(scores(rows)))
"""
JAX2ONNX = """
import jax2onnx, onnx

model = jax2onnx.to_onnx(scores, [("batch", 8)], input_names=["x"], output_names=["scores"])
onnx.save(model, "model.onnx")
"""
KERAS = """
import keras, numpy as np

assert keras.backend.backend() == "jax"
layers = keras.layers
model = keras.Sequential([
    keras.Input((8,), name="x"),
    layers.Dense(16, activation="relu"),
    layers.Dense(3, activation="softmax", name="scores"),
])
model.save("model.keras")
rows = np.random.default_rng(0).standard_normal((64, 8)).astype(np.float32)
np.savez("answers.npz", x=rows, y=np.asarray(model(rows)))
"""
JAX2TF = """
import tensorflow as tf
from jax.experimental import jax2tf

module = tf.Module()
shape = tf.TensorSpec([None, 8], tf.float32, name="x")
module.f = tf.function(
    jax2tf.convert(scores, polymorphic_shapes=["(b, 8)"]), autograph=False, input_signature=[shape]
)
tf.saved_model.save(module, "saved", signatures={"serving_default": module.f})
"""


def needs_jax(*modules: str) -> pytest.MarkDecorator:
    missing = [module for module in ("jax", *modules) if find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def run(folder: Path, program: str, **environment: str) -> None:
    """In a process of its own: JAX and TensorFlow leave threads behind."""
    command = [sys.executable, "-c", program]
    variables = {**os.environ, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def answers(folder: Path) -> tuple[Array, Array]:
    with np.load(folder / "answers.npz") as found:
        return found["x"], found["y"]


def agrees(folder: Path, source: Path) -> None:
    """The converted model answers as JAX did; the small model is packaged and quantized, too."""
    rows, wanted = answers(folder)
    spec = ModelSpec("m", source)
    conversion = find_converter("m", source, None).convert(spec)
    found = conversion.session(conversion.onnx).run({"x": rows})["scores"]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.savez(folder / "rows.npz", x=rows, y=wanted.argmax(axis=1))
    gate = AccuracySpec(folder / "rows.npz", "accuracy", 0.2)
    gated = ModelSpec("m", source, accuracy=gate, quantize=QuantizeSpec("dynamic"))
    packaged = package(gated, LocalStore(folder / "store"), folder / "models.lock.json")
    assert packaged.accuracy is not None
    assert packaged.accuracy.before == 1


@needs_jax("jax2onnx")
def test_a_function_that_jax2onnx_exported(tmp_path: Path) -> None:
    run(tmp_path, FUNCTION + JAX2ONNX)
    agrees(tmp_path, tmp_path / "model.onnx")


@needs("tensorflow", "tensorflow", "keras", "tf2onnx")
@needs_jax("keras")
def test_a_keras_model_that_was_made_on_jax(tmp_path: Path) -> None:
    run(tmp_path, KERAS, KERAS_BACKEND="jax")
    agrees(tmp_path, tmp_path / "model.keras")


@needs("tensorflow", "tensorflow", "keras", "tf2onnx")
@needs_jax()
def test_a_saved_model_of_jax2tf_is_told_the_way(tmp_path: Path) -> None:
    run(tmp_path, FUNCTION + JAX2TF)
    source = tmp_path / "saved"
    with pytest.raises(ConversionError, match=r"XlaCallModule.*jax2onnx"):
        find_converter("m", source, None).convert(ModelSpec("m", source))
