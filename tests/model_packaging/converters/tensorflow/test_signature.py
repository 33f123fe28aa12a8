"""See `model_packaging/converters/tensorflow/signature.py`."""

from pathlib import Path

import numpy as np
import pytest

from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.original import InputShape
from tests.model_packaging.tensorflow.keras_models import answer, checked, saved
from tests.model_packaging.tensorflow.signatures import save
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ({"y": InputShape(("batch", 8, 4))}, "'y' is not an input of the model; it has x"),
        ({"x": InputShape(("batch", 8, 3))}, r"gives 'x' the shape \['batch', 8, 3\], the model"),
        ({"x": InputShape(("batch", 8, 4), "INT64")}, "states INT64 for 'x', the model has FP32"),
    ],
)
def test_a_shape_that_the_model_does_not_have_is_refused(
    tmp_path: Path, shape: dict[str, InputShape], text: str
) -> None:
    import keras

    given = keras.Input((None, 4), name="x")
    spec = saved(tmp_path, keras.Model(given, keras.layers.LSTM(3)(given)), **shape)
    with pytest.raises(ManifestError, match=text):
        CONVERTER.convert(spec)


def test_an_output_named_like_an_input_gets_another_name(tmp_path: Path) -> None:
    import tensorflow as tf

    spec = save(tmp_path, lambda x: {"x": x + 1}, x=tf.TensorSpec([None, 3], tf.float32))
    found = answer(spec, checked(spec), x=np.ones((1, 3), np.float32))
    assert found["x_output"].tolist() == [[2, 2, 2]]
