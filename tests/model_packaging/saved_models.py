"""SavedModels of two layers, for the tests of signatures."""

from pathlib import Path
from typing import Any

from lading.model_packaging.manifest.models import ModelSpec

WIDTH, HIDDEN, CLASSES = 16, 256, 4


def two_layers(folder: Path, *names: str) -> ModelSpec:
    """The spec of a SavedModel whose signatures bear these names.

    `embed` gives the hidden layer, `shift` adds two tensors and has no weights, `odd` has no ONNX
    form, `broken` has weights of NaN; any other name gives `scores`.
    """
    import tensorflow as tf

    one = tf.TensorSpec((None, WIDTH), tf.float32, name="x")
    generator = tf.random.Generator.from_seed(1)
    module = tf.Module()
    module.first = tf.Variable(generator.normal((WIDTH, HIDDEN)))
    module.second = tf.Variable(generator.normal((HIDDEN, CLASSES)))

    def hidden(x: Any) -> Any:
        return tf.nn.relu(x @ module.first)

    functions = {
        "embed": lambda x: {"hidden": hidden(x)},
        "shift": lambda x, by: {"shifted": x + by},
        "odd": lambda x: {"odd": tf.math.lgamma(x)},
        "broken": lambda x: {"broken": x * tf.constant([float("nan")] * WIDTH)},
    }

    def score(x: Any) -> dict[str, Any]:
        return {"scores": hidden(x) @ module.second}

    signatures = {}
    for name in names:
        traced = tf.function(functions.get(name, score), autograph=False)
        more = {"by": tf.TensorSpec((None, WIDTH), tf.float32)} if name == "shift" else {}
        signatures[name] = traced.get_concrete_function(x=one, **more)
    source = folder / "saved"
    tf.saved_model.save(module, str(source), signatures)
    return ModelSpec("layers", source)
