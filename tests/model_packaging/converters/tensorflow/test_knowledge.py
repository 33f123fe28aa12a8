"""See `model_packaging/converters/tensorflow/knowledge.py`."""

from pathlib import Path

import numpy as np

from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from tests.model_packaging.converters.tensorflow.test_keras_files import (
    BUILDS,
    X,
    normalized,
    one_layer,
)
from tests.model_packaging.tensorflow.keras_models import saved
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


def test_what_the_graph_knows_of_its_inputs_is_told(tmp_path: Path) -> None:
    import keras

    conversion = CONVERTER.convert(saved(tmp_path, normalized(keras)))
    columns = conversion.known["x"].columns
    assert len(columns) == 6
    assert np.allclose([each.typical[0] for each in columns], X.mean(axis=0), 1e-3)
    assert np.allclose([each.typical[2] - each.typical[0] for each in columns], X.std(axis=0), 1e-3)
    assert conversion.known["x"].dtype == np.float64
    plain = one_layer(keras, keras.layers.Dense(2), (6,))
    assert CONVERTER.convert(saved(tmp_path, plain)).known["x"].dtype == np.float64
    cities = BUILDS["texts"](keras)[0]
    known = CONVERTER.convert(saved(tmp_path, cities)).known["x"]
    assert set(known.columns[0].categories) == {b"Graz", b"Linz", "Köln".encode()}
    bins = BUILDS["discretization"](keras)[0]
    known = CONVERTER.convert(saved(tmp_path, bins)).known["x"]
    assert np.allclose(known.columns[0].thresholds, [0.1, 5, 10])
