"""See `model_packaging/converters/tensorflow/saved_models.py` and what it stands on."""

from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.tensorflow.half_plus_two import (
    CLASSIFY,
    PREDICT,
    REGRESS,
    save_half_plus_two,
)
from tests.model_packaging.tensorflow.signatures import save
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")

ROWS = np.array([[4.0], [-1.5], [0.0]], np.float32)


@pytest.mark.parametrize("second", [False, True])
def test_half_plus_two_is_packaged_with_every_signature(tmp_path: Path, second: bool) -> None:
    spec = ModelSpec("half", save_half_plus_two(tmp_path / "half", second=second))
    store = LocalStore(tmp_path / "store")
    packaged = package(spec, store, tmp_path / "models.lock.json")
    artifact = read_artifact(Path(packaged.location), packaged.digest)
    predictor = open_onnx(artifact, 1)
    found = {
        name: (each.metadata.method, each.metadata.inputs[0].name)
        for name, each in predictor.signatures.items()
    }
    assert found == {
        "serving_default": (PREDICT, "x"),
        "regress_x_to_y": (REGRESS, "x"),
        "regress_x_to_y2": (REGRESS, "x"),
        "regress_x2_to_y3": (REGRESS, "inputs"),
        "classify_x_to_y": (CLASSIFY, "x"),
    }
    for name, bias in (("serving_default", 2), ("regress_x_to_y2", 3), ("classify_x_to_y", 2)):
        [given] = predictor.signatures[name].predict({"x": ROWS}).values()
        assert np.allclose(given, ROWS / 2 + bias)


def test_an_unknown_operator_of_ones_own_is_named(tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    spec = save(tmp_path, lambda x: {"y": tf.math.lgamma(x)}, x=tf.TensorSpec([None], tf.float32))
    path = spec.source / "saved_model.pb"
    document = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for function in document.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            node.op = "MyOwnOperator" if node.op == "Lgamma" else node.op
    path.write_bytes(document.SerializeToString())
    with pytest.raises(SourceUnreadable, match="MyOwnOperator"):
        CONVERTER.convert(spec)
