"""See `model_packaging/converters/tensorflow/lite_files.py`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lading.model_packaging.check.stage import check
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ConversionError, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.quiet import quiet
from tests.model_packaging.converters.examples import signature
from tests.model_packaging.tensorflow.keras_models import answer, checked
from tests.model_packaging.tensorflow.lite_models import ROWS, perceptron, save_lite
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


@pytest.fixture(autouse=True)
def _without_its_warnings() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.parametrize("kind", ["float", "dynamic", "int8", "uint8"])
def test_a_quantized_file_answers_as_the_interpreter_does(tmp_path: Path, kind: str) -> None:
    spec = ModelSpec("m", save_lite(tmp_path / "m.tflite", perceptron(), kind))
    conversion = checked(spec)
    datatype = kind.upper() if kind in ("int8", "uint8") else "FP32"
    assert {each for each, _ in signature(conversion).values()} == {datatype}
    if datatype != "FP32":
        assert "every number in 'x'" in {probe.kind for probe in conversion.probes}
        return
    [found] = answer(spec, conversion, x=ROWS).values()
    assert np.allclose(found, perceptron().predict(ROWS, verbose=0), atol=0.02)


def test_activations_of_16_bits_are_refused(tmp_path: Path) -> None:
    spec = ModelSpec("m", save_lite(tmp_path / "m.tflite", perceptron(), "int16"))
    with pytest.raises(ConversionError, match="int16"):
        check(spec, CONVERTER.convert(spec))


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_answers_as_the_interpreter_does(tmp_path: Path, approximate: bool) -> None:
    import keras
    from tensorflow.lite.tools import flatbuffer_utils

    given = keras.Input((8,), name="x")
    path = save_lite(tmp_path / "m.tflite", keras.Model(given, keras.ops.gelu(given, False)))
    model = flatbuffer_utils.read_model(str(path))
    [operator] = model.subgraphs[0].operators
    operator.builtinOptions.approximate = approximate
    flatbuffer_utils.write_model(model, str(path))
    spec = ModelSpec("m", path)
    [found] = answer(spec, checked(spec), x=ROWS).values()
    assert np.allclose(found, np.asarray(keras.ops.gelu(ROWS, approximate=approximate)), atol=1e-5)


def test_a_file_without_signatures_has_the_one_that_serving_gives_it(tmp_path: Path) -> None:
    import tensorflow as tf

    traced = tf.function(lambda x: x * 2 + 1).get_concrete_function(
        x=tf.TensorSpec([1, 3], tf.float32)
    )
    content = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    (tmp_path / "m.tflite").write_bytes(content)
    assert not tf.lite.Interpreter(model_content=content).get_signature_list()
    spec = ModelSpec("m", tmp_path / "m.tflite")
    conversion = checked(spec)
    assert conversion.signature == "serving_default"
    [found] = answer(spec, conversion, x=np.ones((1, 3), np.float32)).values()
    assert found.tolist() == [[3, 3, 3]]


def test_a_shape_is_not_for_such_files(tmp_path: Path) -> None:
    spec = ModelSpec("m", save_lite(tmp_path / "m.tflite", perceptron()))
    with pytest.raises(ManifestError, match="has no effect on TFLite files; remove it"):
        CONVERTER.convert(replace(spec, inputs={"x": InputShape(("batch", 8))}))
