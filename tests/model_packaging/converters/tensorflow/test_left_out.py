"""See `model_packaging/converters/tensorflow/left_out.py`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.tensorflow.signatures import save
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


DROPPED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "assert": (
        lambda tf, x: tf.debugging.assert_positive(x) or x,
        "raises an error for some inputs .Assert '",
    ),
    "check": (lambda tf, x: tf.debugging.check_numerics(x, "no"), "for some inputs .CheckNumer"),
    "random": (
        lambda tf, x: x + tf.random.uniform([3]),
        "random numbers or state .*RandomUniform '",
    ),
    "shuffled": (lambda tf, x: tf.random.shuffle(x), "random numbers or state .*RandomShuffle '"),
}


@pytest.mark.parametrize("name", DROPPED)
def test_what_tf2onnx_drops_without_a_word_is_refused_by_its_name(
    tmp_path: Path, name: str
) -> None:
    import tensorflow as tf

    build, text = DROPPED[name]

    def function(x: Any) -> dict[str, Any]:
        made = build(tf, x)
        return {"y": x if isinstance(made, tf.Operation) else made}

    spec = save(tmp_path, function, x=tf.TensorSpec([None, 3], tf.float32))
    with pytest.raises(ConversionError, match=text):
        CONVERTER.convert(spec)


def test_a_model_that_counts_its_calls_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    count = tf.Variable(0.0)

    def counting(x: Any) -> dict[str, Any]:
        return {"y": x + count.assign_add(1.0)}

    counting.held = count  # type: ignore[attr-defined]
    spec = save(tmp_path, counting, x=tf.TensorSpec([None, 3], tf.float32))
    with pytest.raises(ConversionError, match="answers the same rows differently: it keeps state"):
        CONVERTER.convert(spec)
