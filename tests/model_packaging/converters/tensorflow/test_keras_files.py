"""See `model_packaging/converters/tensorflow/keras_files.py`; each model has passed the whole
check."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.original import InputShape
from tests.model_packaging.tensorflow.keras_models import answer, checked, saved
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")

X = np.random.default_rng(0).normal(10, 5, (50, 6)).astype(np.float32)
IDS = np.random.default_rng(0).integers(0, 5, (50, 3))
NAMES = np.array([[b"Graz"], [b"Linz"], [b""], [b"Paris"], ["Köln".encode()]], np.object_)

Build = Callable[[Any], tuple[Any, dict[str, Any]]]
"""Takes `keras`; returns a model, and a request."""


def normalized(keras: Any, **options: Any) -> Any:
    given = keras.Input((6,), name="x")
    layer = keras.layers.Normalization(**options)
    if not options.get("mean"):
        layer.adapt(X)
    return keras.Model(given, keras.layers.Dense(3)(layer(given)))


def one_layer(
    keras: Any,
    layer: Any,
    shape: tuple[int | None, ...],
    dtype: str = "float32",
    before: Any = None,
) -> Any:
    given = keras.Input(shape, name="x", dtype=dtype)
    return keras.Model(given, layer(before(given) if before else given))


BUILDS: dict[str, Build] = {
    "normalization": lambda k: (normalized(k), {"x": X}),
    "normalization given": lambda k: (normalized(k, mean=3.0, variance=4.0), {"x": X}),
    "normalization inverted": lambda k: (normalized(k, invert=True), {"x": X}),
    "gelu": lambda k: (one_layer(k, k.layers.Dense(3, activation="gelu"), (6,)), {"x": X}),
    "celu": lambda k: (one_layer(k, k.layers.Dense(3, activation="celu"), (6,)), {"x": X}),
    "discretization": lambda k: (
        one_layer(k, k.layers.Discretization(bin_boundaries=[0.1, 5.0, 10.0]), (6,)),
        {"x": X},
    ),
    "bins, multi-hot": lambda k: (
        one_layer(
            k,
            k.layers.Discretization(bin_boundaries=[0.1, 5.0, 10.0], output_mode="multi_hot"),
            (6,),
        ),
        {"x": X},
    ),
    "rescaling": lambda k: (one_layer(k, k.layers.Rescaling(1 / 255, 0.5), (6,)), {"x": X}),
    "one-hot": lambda k: (
        one_layer(k, k.layers.CategoryEncoding(5, output_mode="one_hot"), (1,), "int64"),
        {"x": IDS[:, :1]},
    ),
    "multi-hot": lambda k: (one_layer(k, k.layers.CategoryEncoding(5), (3,), "int64"), {"x": IDS}),
    "counts": lambda k: (
        one_layer(k, k.layers.CategoryEncoding(5, output_mode="count"), (3,), "int64"),
        {"x": IDS},
    ),
    "texts": lambda k: (
        one_layer(k, k.layers.StringLookup(vocabulary=["Graz", "Linz", "Köln"]), (1,), "string"),
        {"x": NAMES},
    ),
    "texts, multi-hot": lambda k: (
        one_layer(
            k,
            k.layers.StringLookup(vocabulary=["Graz", "Linz"], output_mode="multi_hot"),
            (1,),
            "string",
        ),
        {"x": NAMES},
    ),
    "numbers": lambda k: (
        one_layer(k, k.layers.IntegerLookup(vocabulary=[3, 4, 1]), (3,), "int64"),
        {"x": IDS},
    ),
    "back to texts": lambda k: (
        one_layer(k, k.layers.StringLookup(vocabulary=["a", "b"], invert=True), (3,), "int64"),
        {"x": IDS},
    ),
    "embedding": lambda k: (
        one_layer(k, k.layers.Embedding(40, 4), (3,), "int32"),
        {"x": IDS.astype(np.int32)},
    ),
    "float64": lambda k: (
        one_layer(k, k.layers.Dense(2, dtype="float64"), (6,), "float64"),
        {"x": X.astype(np.float64)},
    ),
    "float64 inside float32": lambda k: (
        one_layer(k, k.layers.Dense(2), (6,), "float64"),
        {"x": X.astype(np.float64)},
    ),
}


@pytest.mark.parametrize("name", BUILDS)
def test_a_layer_answers_as_keras_predict_does(tmp_path: Path, name: str) -> None:
    import keras
    import tensorflow as tf

    model, request = BUILDS[name](keras)
    spec = saved(tmp_path, model)
    found = answer(spec, checked(spec), **request)
    given = request["x"]
    predicted = model.predict(tf.constant(given) if given.dtype == object else given, verbose=0)
    [output] = found.values()
    if output.dtype == object:
        assert output.tolist() == predicted.tolist()
    else:
        assert output.shape == predicted.shape
        assert np.allclose(output, predicted, 1e-3, 1e-4)


SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "lstm": lambda layers: layers.LSTM(3),
    "gru": lambda layers: layers.GRU(3),
    "gru, reset before": lambda layers: layers.GRU(3, reset_after=False),
    "simple": lambda layers: layers.SimpleRNN(3, activation="relu"),
    "dropout": lambda layers: layers.LSTM(3, dropout=0.2, recurrent_dropout=0.3),
    "both ways": lambda layers: layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
    "backwards": lambda layers: layers.LSTM(3, return_sequences=True, go_backwards=True),
    "convolution": lambda layers: layers.Conv1D(3, 3, padding="causal"),
}


MASKED = ("lstm", "gru", "both ways", "backwards")


@pytest.mark.parametrize(
    ("name", "masked"), [*((name, False) for name in SEQUENCES), *((name, True) for name in MASKED)]
)
def test_a_free_time_axis_is_served_for_every_length(
    tmp_path: Path, name: str, masked: bool
) -> None:
    import keras

    given = keras.Input((None, 4), name="x")
    layer = SEQUENCES[name](keras.layers)
    inner = keras.layers.Masking()(given) if masked else given
    spec = saved(tmp_path, keras.Model(given, layer(inner)))
    conversion = checked(spec)
    for rows, steps in ((1, 1), (3, 5), (2, 60)):
        x = np.random.default_rng(steps).standard_normal((rows, steps, 4)).astype(np.float32)
        x[:, steps // 2 :: 3] = 0
        [found] = answer(spec, conversion, x=x).values()
        [wanted] = conversion.reference({"x": x}).values()
        assert found.shape == wanted.shape
        assert np.allclose(found, wanted, 1e-3, 1e-4)
    kinds = [probe.kind for probe in conversion.probes]
    assert "only steps of zeros in 'x'" in kinds


def test_a_layer_that_keras_repeats_wrongly_names_the_length_that_works(tmp_path: Path) -> None:
    import keras

    given = keras.Input((None, 4), name="x")
    model = keras.Model(given, keras.layers.TimeDistributed(keras.layers.Dense(2))(given))
    with pytest.raises(
        ConversionError,
        match=r"TimeDistributed \('.*'\) over an axis of any size.*\{x: \{shape: \[batch, 8, 4\]",
    ):
        CONVERTER.convert(saved(tmp_path, model))
    spec = saved(tmp_path, model, x=InputShape(("batch", 8, 4)))
    conversion = checked(spec)
    x = np.random.default_rng(0).standard_normal((3, 8, 4)).astype(np.float32)
    [found] = answer(spec, conversion, x=x).values()
    assert np.allclose(found, model.predict(x, verbose=0), 1e-3, 1e-4)


def test_a_dict_of_inputs_is_taken_by_its_keys(tmp_path: Path) -> None:
    import keras

    price, area = keras.Input((2,), name="price"), keras.Input((3,), name="area")
    score = keras.layers.Dense(1, name="score")(keras.layers.Concatenate()([price, area]))
    model = keras.Model({"price": price, "area": area}, score)
    spec = saved(tmp_path, model)
    request = {"price": X[:, :2], "area": X[:, :3]}
    found = answer(spec, checked(spec), **request)
    assert np.allclose(found["score"], model.predict(request, verbose=0), 1e-3, 1e-4)


def test_keys_count_where_they_are_not_the_names_of_the_tensors(tmp_path: Path) -> None:
    import keras

    left, right = keras.Input((2,), name="l"), keras.Input((2,), name="r")
    apart = keras.layers.Subtract()([left, right])
    model = keras.Model({"b": left, "a": right}, {"t": [apart, {"u": left}], "a": right})
    spec = saved(tmp_path, model)
    found = answer(spec, checked(spec), b=X[:, :2], a=X[:, 2:4])
    assert set(found) == {"t_0", "t_1_u", "a_output"}
    assert np.allclose(found["t_0"], X[:, :2] - X[:, 2:4])
    assert np.array_equal(found["t_1_u"], X[:, :2])
    assert np.array_equal(found["a_output"], X[:, 2:4])


def test_a_list_with_a_dict_in_it_is_taken_by_names(tmp_path: Path) -> None:
    import keras

    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    model = keras.Model([left, {"right": right}], keras.layers.Subtract()([left, right]))
    spec = saved(tmp_path, model)
    [found] = answer(spec, checked(spec), left=X[:, :2], right=X[:, 2:4]).values()
    assert np.allclose(found, X[:, :2] - X[:, 2:4])


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "hashing": (
        lambda k: one_layer(k, k.layers.Hashing(7), (3,), "int64"),
        "ONNX lacks StringToHashBucketFast",
    ),
    "words": (
        lambda k: one_layer(
            k,
            k.layers.TextVectorization(vocabulary=["a"], output_sequence_length=4),
            (1,),
            "string",
        ),
        "ONNX lacks StaticRegexReplace, StringSplitV2",
    ),
    "check": (
        lambda k: one_layer(
            k,
            k.layers.StringLookup(vocabulary=["a"], num_oov_indices=0),
            (1,),
            "string",
            before=k.layers.Identity(),
        ),
        r"raises an error for some inputs \(Assert '.*string_lookup.*'\), which ONNX cannot",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_onnx_form_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    import keras

    build, text = REFUSED[name]
    with pytest.raises(ConversionError, match=text):
        CONVERTER.convert(saved(tmp_path, build(keras)))


def test_a_sparse_input_is_refused_by_its_name(tmp_path: Path) -> None:
    import keras

    given = keras.Input((6,), name="x", sparse=True)
    model = keras.Model(given, keras.layers.Dense(2)(given))
    with pytest.raises(ConversionError, match="has a sparse input 'x'"):
        CONVERTER.convert(saved(tmp_path, model))


def test_a_length_that_is_answered_otherwise_names_those_that_work(tmp_path: Path) -> None:
    import keras

    given = keras.Input((None, 4), name="x")
    model = keras.Model(given, keras.layers.AveragePooling1D(2)(given))
    with pytest.raises(ConversionError, match=r"for free axes of size 1; .* x: \[8, 4\] after"):
        checked(saved(tmp_path, model))
    checked(saved(tmp_path, model, x=InputShape(("batch", 8, 4))))


@pytest.mark.parametrize("mask", [None, ""])
def test_a_lookup_without_a_place_for_the_unknown_refuses_it(
    tmp_path: Path, mask: str | None
) -> None:
    import keras

    layers = keras.layers
    city, size = (
        keras.Input((1,), name="city", dtype="string"),
        keras.Input((2,), name="n", dtype="int64"),
    )
    cities = layers.StringLookup(vocabulary=["Graz", "Linz"], num_oov_indices=0, mask_token=mask)
    sizes = layers.IntegerLookup(vocabulary=[3, 40], num_oov_indices=0, name="sizes")
    spec = saved(tmp_path, keras.Model([city, size], [cities(city), sizes(size)]))
    conversion = checked(spec)
    known = {b"Graz", b"Linz", *([b""] if mask == "" else [])}
    assert conversion.domains["city"].values == {-1: known}
    request = {"city": np.array([[b"Linz"]], np.object_), "n": np.array([[3, 40]])}
    found = answer(spec, conversion, **request)
    for name, wanted in conversion.reference(request).items():
        assert np.array_equal(found[name], wanted)
    for name, value in (("city", [[b"Paris"]]), ("n", [[3, 4]])):
        strange = {**request, name: np.array(value, request[name].dtype)}
        with pytest.raises(ValueError, match=r"\w"):
            conversion.reference(strange)
        with pytest.raises(InvalidInput, match="which the model was not trained on; it knows"):
            answer(spec, conversion, **strange)
