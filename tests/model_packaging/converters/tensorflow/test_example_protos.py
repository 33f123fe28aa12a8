"""See `model_packaging/converters/tensorflow/example_protos.py`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.check.stage import check
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.tensorflow.half_plus_two import save_half_plus_two
from tests.model_packaging.tensorflow.keras_models import answer, checked
from tests.model_packaging.tensorflow.signatures import save
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


ROWS = np.array([[4.0], [-1.5], [0.0]], np.float32)


def test_the_original_of_examples_is_the_graph_that_parses_them(tmp_path: Path) -> None:
    spec = ModelSpec("half", save_half_plus_two(tmp_path / "half"))
    chosen = replace(spec, signatures=("regress_x_to_y",))
    conversion = CONVERTER.convert(chosen)
    check(chosen, conversion)
    assert np.allclose(conversion.reference({"x": ROWS})["outputs"], ROWS / 2 + 2)
    with pytest.raises(ValueError, match="Key: x"):
        conversion.reference({"x": ROWS[:, :0]})


def test_a_feature_whose_number_of_values_varies_is_refused_by_its_name(tmp_path: Path) -> None:
    import tensorflow as tf

    def score(inputs: Any) -> dict[str, Any]:
        parsed = tf.io.parse_example(inputs, {"words": tf.io.VarLenFeature(tf.int64)})
        return {"total": tf.sparse.reduce_sum(parsed["words"], axis=1)}

    spec = save(tmp_path, score, inputs=tf.TensorSpec([None], tf.string))
    with pytest.raises(ConversionError, match=r"reads the feature 'words' of tf\.Example, whose l"):
        CONVERTER.convert(spec)


def test_features_of_every_type_become_inputs(tmp_path: Path) -> None:
    import tensorflow as tf

    def score(inputs: Any) -> dict[str, Any]:
        kinds = {"count": tf.int64, "size": tf.float32}
        features = {name: tf.io.FixedLenFeature([2], kind) for name, kind in kinds.items()}
        parsed = tf.io.parse_example(inputs, features)
        return {"total": tf.cast(parsed["count"], tf.float32) * parsed["size"]}

    spec = save(tmp_path, score, inputs=tf.TensorSpec([None], tf.string))
    count, size = np.array([[3, 4]]), np.array([[0.5, 2]], np.float32)
    found = answer(spec, checked(spec), count=count, size=size)
    assert found["total"].tolist() == [[1.5, 8.0]]
