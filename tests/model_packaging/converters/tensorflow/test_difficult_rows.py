"""See `model_packaging/converters/tensorflow/difficult_rows.py`."""

from pathlib import Path

import numpy as np
import pytest

from tests.model_packaging.tensorflow.keras_models import answer, checked, saved
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


@pytest.mark.parametrize("length", [None, 4])
def test_padding_is_left_out_as_keras_leaves_it_out(tmp_path: Path, length: int | None) -> None:
    import keras

    given = keras.Input((length,), name="ids", dtype="int32")
    embedded = keras.layers.Embedding(10, 4, mask_zero=True)(given)
    layers = (keras.layers.LSTM(3), keras.layers.GlobalAveragePooling1D())
    spec = saved(tmp_path, keras.Model(given, [layer(embedded) for layer in layers]))
    conversion = checked(spec)
    assert conversion.known["ids"].highest == 9
    kinds = {probe.kind for probe in conversion.probes}
    assert kinds > {
        "only padding in 'ids'",
        "padding between ids in 'ids'",
        "a negative id in 'ids'",
    }
    ids = np.array([[1, 2, 3, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 2, 0]], np.int32)
    found, wanted = answer(spec, conversion, ids=ids), conversion.reference({"ids": ids})
    for name, array in wanted.items():
        assert np.allclose(found[name], array, 1e-3, 1e-4, equal_nan=True)


def test_images_of_free_size_are_checked_on_large_ones(tmp_path: Path) -> None:
    import keras

    model = keras.applications.MobileNet(
        (None, None, 3), alpha=0.25, weights=None, include_top=False, pooling="avg"
    )
    spec = saved(tmp_path, model)
    conversion = checked(spec)
    [name] = conversion.known
    x = np.random.default_rng(0).random((2, 64, 96, 3), np.float32)
    [found] = answer(spec, conversion, **{name: x}).values()
    assert np.allclose(found, model.predict(x, verbose=0), 1e-3, 1e-4)
