"""See `model_packaging/converters/tensorflow/frozen.py`."""

from pathlib import Path

import numpy as np

from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.tensorflow.half_plus_two import PREDICT
from tests.model_packaging.tensorflow.keras_models import answer, checked
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


def test_tables_and_defaults_of_tensorflow_1_are_constants(tmp_path: Path) -> None:
    import tensorflow as tf

    v1, saved_model = tf.compat.v1, tf.compat.v1.saved_model
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        kept = v1.placeholder_with_default(1.0, [], name="keep")
        weights = v1.get_variable("w", initializer=[1.0, 2.0, 3.0], use_resource=False)
        names = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant([0, 1, 2], tf.int64), tf.constant(["red", "green", "blue"])
            ),
            "none",
        )
        scores = v1.nn.dropout(x * weights, rate=1 - kept)
        named = names.lookup(tf.argmax(scores, axis=1))
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        info = saved_model.build_tensor_info
        signature = saved_model.build_signature_def(
            {"x": info(x)}, {"scores": info(x * weights), "name": info(named)}, PREDICT
        )
        builder = saved_model.Builder(str(tmp_path / "saved"))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=v1.tables_initializer()
        )
        builder.save()
    spec = ModelSpec("m", tmp_path / "saved")
    found = answer(spec, checked(spec), x=np.eye(3, dtype=np.float32)[[2, 0, 1]])
    assert found["name"].tolist() == [b"blue", b"red", b"green"]
