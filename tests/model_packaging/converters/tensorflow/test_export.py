"""See `model_packaging/converters/tensorflow/export.py`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.original import InputShape
from tests.model_packaging.tensorflow.keras_models import answer, checked
from tests.model_packaging.tensorflow.signatures import save
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


def test_a_negative_row_number_is_refused_as_tensorflow_refuses_it(tmp_path: Path) -> None:
    import tensorflow as tf

    weights = tf.Variable(tf.random.Generator.from_seed(1).normal((7, 2)))

    def pick(ids: Any) -> dict[str, Any]:
        return {"y": tf.gather(weights, ids)}

    pick.held = weights  # type: ignore[attr-defined]
    spec = save(tmp_path, pick, ids=tf.TensorSpec([None, 2], tf.int64))
    conversion = checked(spec)
    assert conversion.known["ids"].highest == 6
    for ids in ([[0, -1]], [[7, 0]]):
        with pytest.raises(ValueError, match="indices"):
            conversion.reference({"ids": np.array(ids)})
        with pytest.raises(Exception, match="out of data bounds"):
            answer(spec, conversion, ids=np.array(ids))


def test_a_model_without_inputs_answers_its_constants(tmp_path: Path) -> None:
    import tensorflow as tf

    labels = tf.constant(["a", "ü"])
    spec = save(tmp_path, lambda: {"y": tf.constant([1.5, 2.5]), "labels": labels})
    conversion = checked(spec)
    found = answer(spec, conversion)
    assert found["y"].tolist() == [1.5, 2.5]
    assert found["labels"].tolist() == [b"a", "ü".encode()]


def test_a_detector_that_finds_nothing_answers_no_rows(tmp_path: Path) -> None:
    import tensorflow as tf

    def detect(boxes: Any, scores: Any) -> dict[str, Any]:
        kept = tf.image.non_max_suppression(boxes, scores, 10, 0.5, 0.5)
        return {"kept": kept, "found": tf.gather(boxes, kept)}

    shapes = {"boxes": [None, 4], "scores": [None]}
    given = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes.items()}
    spec = save(tmp_path, detect, **given)
    conversion = checked(spec)
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 0.9], [2, 2, 3, 3]], np.float32)
    for scores in ([0.1, 0.2, 0.3], [0.9, 0.8, 0.7]):
        request = {"boxes": boxes, "scores": np.array(scores, np.float32)}
        found, wanted = answer(spec, conversion, **request), conversion.reference(request)
        assert found["found"].shape == wanted["found"].shape
        assert np.array_equal(found["kept"], wanted["kept"])


def test_an_input_without_a_shape_is_named_with_how_to_state_it(tmp_path: Path) -> None:
    import tensorflow as tf

    spec = save(tmp_path, lambda x: {"y": x * 2}, x=tf.TensorSpec(None, tf.float32))
    with pytest.raises(ConversionError, match=r"shape of 'x'; state it under inputs: \{x: \{shape"):
        CONVERTER.convert(spec)
    stated = replace(spec, inputs={"x": InputShape(("batch", 3))})
    conversion = checked(stated)
    assert answer(stated, conversion, x=np.ones((2, 3), np.float32))["y"].tolist() == [[2] * 3] * 2
