"""See `model_packaging/converters/tensorflow/operators.py`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ConversionError
from tests.model_packaging.tensorflow.keras_models import answer, checked
from tests.model_packaging.tensorflow.signatures import save
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "erfc": lambda tf, x: tf.math.erfc(x),
    "expm1": lambda tf, x: tf.math.expm1(x),
    "log1p": lambda tf, x: tf.math.log1p(tf.abs(x)),
    "reciprocal": lambda tf, x: tf.math.reciprocal(x + 100),
    "truncatemod": lambda tf, x: tf.truncatemod(x, 0.7),
    "xlogy": lambda tf, x: tf.math.xlogy(tf.nn.relu(x), tf.nn.relu(x)),
    "xlog1py": lambda tf, x: tf.math.xlog1py(tf.nn.relu(x), -tf.nn.relu(x) / 100),
    "xdivy": lambda tf, x: tf.math.xdivy(tf.nn.relu(x), tf.nn.relu(x)),
    "multiply_no_nan": lambda tf, x: tf.math.multiply_no_nan(x / x, tf.nn.relu(x)),
    "bucketize": lambda tf, x: tf.raw_ops.Bucketize(input=x, boundaries=[-1.0, 0.1, 2.0]),
    "bincount": lambda tf, x: tf.math.bincount(
        tf.cast(tf.clip_by_value(x, 0, 6), tf.int32), minlength=9, maxlength=9, axis=-1
    ),
    "one_hot": lambda tf, x: tf.one_hot(tf.cast(tf.clip_by_value(x, -9, 9), tf.int32), 4),
}

INTEGERS: dict[str, Callable[[Any, Any], Any]] = {
    "floor_div": lambda tf, k: k // tf.constant([3, -3, 1], k.dtype),
    "floor_mod": lambda tf, k: k % tf.constant([3, -3, 1], k.dtype),
    "truncate_div": lambda tf, k: tf.truncatediv(k, 3),
    "truncate_mod": lambda tf, k: tf.truncatemod(k, 3),
    "of floats": lambda tf, k: tf.cast(k, tf.float32) // -0.7 + tf.cast(k, tf.float32) % -0.7,
}


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("kind", ["int32", "int64"])
def test_whole_numbers_are_divided_as_tensorflow_divides_them(
    tmp_path: Path, name: str, kind: str
) -> None:
    import tensorflow as tf

    spec = save(tmp_path, lambda k: {"y": INTEGERS[name](tf, k)}, k=tf.TensorSpec([None, 3], kind))
    conversion = checked(spec)
    k = np.array([[-7, -7, -7], [7, 7, 7], [-6, 6, 0]], kind)
    found, wanted = answer(spec, conversion, k=k), conversion.reference({"k": k})
    assert np.allclose(found["y"], wanted["y"], 1e-4)


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_that_onnx_computes_otherwise_is_rewritten(tmp_path: Path, name: str) -> None:
    import tensorflow as tf

    spec = save(
        tmp_path, lambda x: {"y": OPERATORS[name](tf, x)}, x=tf.TensorSpec([None, 3], tf.float32)
    )
    conversion = checked(spec)
    x = np.array([[0, -0.0, 1], [np.nan, 1e-7, -3], [0.1, 2, 5]], np.float32)
    if name in ("bincount", "one_hot"):
        x = np.nan_to_num(x)
    [found], [wanted] = (
        answer(spec, conversion, x=x).values(),
        conversion.reference({"x": x}).values(),
    )
    assert np.allclose(found, wanted, 1e-3, 1e-4, equal_nan=True)


def test_texts_are_looked_up_in_a_vocabulary(tmp_path: Path) -> None:
    import tensorflow as tf

    keys, values = tf.constant(["a", "Ä", ""]), tf.constant([3, 4, 5], tf.int64)
    initializer = tf.lookup.KeyValueTensorInitializer(keys, values)
    table = tf.lookup.StaticHashTable(initializer, -7)

    def look_up(text: Any) -> dict[str, Any]:
        return {"id": table.lookup(text)}

    look_up.held = table  # type: ignore[attr-defined]
    spec = save(tmp_path, look_up, text=tf.TensorSpec([None], tf.string))
    conversion = checked(spec)
    assert set(conversion.known["text"].columns[0].categories) == {b"a", "Ä".encode(), b""}
    text = np.array([b"a", "Ä".encode(), b"", b"b", b"A"], np.object_)
    assert answer(spec, conversion, text=text)["id"].tolist() == [3, 4, 5, -7, -7]


LARGE: dict[str, Callable[[Any, Any], Any]] = {
    "less": lambda tf, k: k < 1_700_000_001,
    "greater": lambda tf, k: k > 16_777_216,
    "less or equal": lambda tf, k: k <= 16_777_216,
    "equal": lambda tf, k: tf.equal(k, 16_777_217),
    "largest": lambda tf, k: tf.math.top_k(k, 2)[0],
    "places of the largest": lambda tf, k: tf.math.top_k(k, 2)[1],
    "sorted": lambda tf, k: tf.sort(k, axis=1),
    "within": lambda tf, k: tf.clip_by_value(k, 16_777_217, 1_700_000_001),
    "segments": lambda tf, k: tf.math.unsorted_segment_sum(k % 9, [0, 1, 0], 2),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("kind", ["int32", "int64", "float64"])
def test_numbers_that_float32_does_not_have_stay_what_they_are(
    tmp_path: Path, name: str, kind: str
) -> None:
    import tensorflow as tf

    function = LARGE[name]
    spec = save(tmp_path, lambda k: {"y": function(tf, k)}, k=tf.TensorSpec([3, 3], kind))
    conversion = checked(spec)
    rows = [[16777215, 16777216, 16777217], [1700000000, 1700000002, 1700000001], [-5, 5, 0]]
    k = np.array(rows, kind)
    assert np.array_equal(answer(spec, conversion, k=k)["y"], conversion.reference({"k": k})["y"])


def test_texts_are_compared_as_texts(tmp_path: Path) -> None:
    import tensorflow as tf

    def compare(text: Any) -> dict[str, Any]:
        return {"one": tf.equal(text, "1"), "other": tf.not_equal(text, "")}

    spec = save(tmp_path, compare, text=tf.TensorSpec([None], tf.string))
    text = np.array([b"1", b"01", b"1.0", b"", b"x"], np.object_)
    found = answer(spec, checked(spec), text=text)
    assert found["one"].tolist() == [True, False, False, False, False]
    assert found["other"].tolist() == [True, True, True, False, True]


def test_texts_that_are_compared_with_each_other_are_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    given = {name: tf.TensorSpec([None], tf.string) for name in ("left", "right")}
    spec = save(tmp_path, lambda left, right: {"same": tf.equal(left, right)}, **given)
    with pytest.raises(ConversionError, match="ONNX lacks EqualOfTexts"):
        CONVERTER.convert(spec)
