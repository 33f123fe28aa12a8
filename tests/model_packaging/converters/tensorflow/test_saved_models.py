"""See `model_packaging/converters/tensorflow/saved_models.py` and what it stands on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import SERVING_DEFAULT
from lading.functions.inference.models.onnx_predictor import OnnxPredictor
from lading.model_packaging.check.stage import check
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ConversionError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.pipeline import package
from lading.model_packaging.quiet import quiet
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.tensorflow.half_plus_two import (
    CLASSIFY,
    PREDICT,
    REGRESS,
    save_half_plus_two,
)
from tests.model_packaging.tensorflow.keras_models import answer, checked
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")

ROWS = np.array([[4.0], [-1.5], [0.0]], np.float32)


@pytest.fixture(autouse=True)
def _without_its_warnings() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.parametrize("second", [False, True])
def test_half_plus_two_is_packaged_with_every_signature(tmp_path: Path, second: bool) -> None:
    spec = ModelSpec("half", save_half_plus_two(tmp_path / "half", second=second))
    store = LocalStore(tmp_path / "store")
    packaged = package(spec, store, tmp_path / "models.lock.json")
    artifact = read_artifact(Path(packaged.location), packaged.digest)
    predictor = OnnxPredictor(artifact, 1)
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


def test_the_original_of_examples_is_the_graph_that_parses_them(tmp_path: Path) -> None:
    spec = ModelSpec("half", save_half_plus_two(tmp_path / "half"))
    chosen = replace(spec, signatures=("regress_x_to_y",))
    conversion = CONVERTER.convert(chosen)
    check(chosen, conversion)
    assert np.allclose(conversion.reference({"x": ROWS})["outputs"], ROWS / 2 + 2)
    with pytest.raises(ValueError, match="Key: x"):
        conversion.reference({"x": ROWS[:, :0]})


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
            session,
            ["serve"],
            {"serving_default": signature},
            main_op=v1.tables_initializer(),
        )
        builder.save()
    spec = ModelSpec("m", tmp_path / "saved")
    found = answer(spec, checked(spec), x=np.eye(3, dtype=np.float32)[[2, 0, 1]])
    assert found["name"].tolist() == [b"blue", b"red", b"green"]


def test_a_feature_whose_number_of_values_varies_is_refused_by_its_name(tmp_path: Path) -> None:
    import tensorflow as tf

    def score(inputs: Any) -> dict[str, Any]:
        parsed = tf.io.parse_example(inputs, {"words": tf.io.VarLenFeature(tf.int64)})
        return {"total": tf.sparse.reduce_sum(parsed["words"], axis=1)}

    spec = save(tmp_path, score, inputs=tf.TensorSpec([None], tf.string))
    with pytest.raises(ConversionError, match=r"reads 'words' of tf\.Example, whose number"):
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


def save(folder: Path, function: Callable[..., Any], **inputs: Any) -> ModelSpec:
    """The spec of a SavedModel with one signature."""
    import tensorflow as tf

    module = tf.Module()
    module.held = getattr(function, "held", None)
    traced = tf.function(function, autograph=False).get_concrete_function(**inputs)
    tf.saved_model.save(module, str(folder / "saved"), {SERVING_DEFAULT: traced})
    return ModelSpec("m", folder / "saved")


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
        tmp_path,
        lambda x: {"y": OPERATORS[name](tf, x)},
        x=tf.TensorSpec([None, 3], tf.float32),
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


DROPPED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "assert": (
        lambda tf, x: tf.debugging.assert_positive(x) or x,
        "raises an error for some inputs .Assert '",
    ),
    "check": (lambda tf, x: tf.debugging.check_numerics(x, "no"), "for some inputs .CheckNumer"),
    "random": (lambda tf, x: x + tf.random.uniform([3]), "answers by chance .*RandomUniform '"),
    "shuffled": (lambda tf, x: tf.random.shuffle(x), "answers by chance .*RandomShuffle '"),
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
    with pytest.raises(ConversionError, match="answers the same rows differently: it keeps what"):
        CONVERTER.convert(spec)


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


def test_an_output_named_like_an_input_gets_another_name(tmp_path: Path) -> None:
    import tensorflow as tf

    spec = save(tmp_path, lambda x: {"x": x + 1}, x=tf.TensorSpec([None, 3], tf.float32))
    found = answer(spec, checked(spec), x=np.ones((1, 3), np.float32))
    assert found["x_output"].tolist() == [[2, 2, 2]]


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
