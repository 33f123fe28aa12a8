"""Damaged graphs of Keras, TensorFlow and TFLite models, each of which packaging refuses."""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet
from tests.model_packaging.mutations.kit import Damage, require_refusal, require_sound
from tests.model_packaging.tensorflow.lite_models import perceptron, save_lite
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")

ROWS = np.random.default_rng(0).normal(10, 5, (60, 6)).astype(np.float32)


def dense(keras: Any) -> Any:
    """Normalized rows, gelu, and probabilities."""
    layers, given = keras.layers, keras.Input((6,), name="x")
    scaled = layers.Normalization()
    scaled.adapt(ROWS)
    hidden = layers.Dense(8, activation="gelu", bias_initializer="random_normal")(scaled(given))
    likely = layers.Dense(3, activation="softmax", bias_initializer="random_normal")(hidden)
    return keras.Model(given, [hidden, likely])


def bins(keras: Any) -> Any:
    given = keras.Input((2,), name="x")
    return keras.Model(given, keras.layers.Discretization(bin_boundaries=[0.1, 5.0, 10.0])(given))


def cities(keras: Any) -> Any:
    given = keras.Input((1,), name="x", dtype="string")
    return keras.Model(given, keras.layers.StringLookup(vocabulary=["Graz", "Linz"])(given))


def words(keras: Any) -> Any:
    """Padded sequences of ids."""
    layers, given = keras.layers, keras.Input((None,), name="x", dtype="int32")
    embedded = layers.Embedding(40, 4, mask_zero=True)(given)
    return keras.Model(given, layers.LSTM(3, bias_initializer="random_normal")(embedded))


def steps(keras: Any) -> Any:
    """Sequences, read both ways."""
    layers, given = keras.layers, keras.Input((None, 4), name="x")
    both = layers.LSTM(3, return_sequences=True, bias_initializer="random_normal")
    return keras.Model(given, layers.Bidirectional(both)(given))


def image(keras: Any) -> Any:
    layers, given = keras.layers, keras.Input((8, 8, 3), name="x")
    convolution = layers.Conv2D(4, 3, 2, padding="same", bias_initializer="random_normal")
    return keras.Model(given, layers.ReLU(max_value=0.5)(convolution(given)))


KERAS = (dense, bins, cities, words, steps, image)


def of(operator: str, place: int, change: Callable[[NodeProto], None]) -> Damage:
    """Damages the operator at this place among its kind."""

    def damage(model: ModelProto) -> None:
        change([node for node in model.graph.node if node.op_type == operator][place])

    return damage


def constant(operator: str, place: int, change: Callable[[Array], Array]) -> Damage:
    """Damages the constant that the operator at this place takes."""

    def damage(model: ModelProto) -> None:
        held = {each.name: each for each in model.graph.initializer}
        node = [node for node in model.graph.node if node.op_type == operator][place]
        tensor = next(held[name] for name in node.input if name in held and held[name].dims)
        changed = np.ascontiguousarray(change(numpy_helper.to_array(tensor)))
        tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))

    return damage


def renamed(operator: str) -> Callable[[NodeProto], None]:
    def change(node: NodeProto) -> None:
        node.op_type = operator

    return change


def attribute(name: str, change: Callable[[Any], Any]) -> Callable[[NodeProto], None]:
    def damage(node: NodeProto) -> None:
        [found] = [each for each in node.attribute if each.name == name]
        value = helper.get_attribute_value(found)
        node.attribute.remove(found)
        node.attribute.append(helper.make_attribute(name, change(value)))

    return damage


def without_first_key(node: NodeProto) -> None:
    for name in ("keys_strings", "values_int64s"):
        attribute(name, lambda values: list(values)[1:])(node)


def gelu_by_tanh(model: ModelProto) -> None:
    """What `approximate=True` computes: erf(a) becomes a tanh of a polynomial."""
    [node] = [node for node in model.graph.node if node.op_type == "Erf"]
    place = list(model.graph.node).index(node)
    values = {"factor": 2 / sqrt(pi), "cubic": 2 * 0.044715}
    for name, value in values.items():
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
    [given], [result] = node.input, node.output
    made = [
        ("Mul", [given, given], "square"),
        ("Mul", ["square", given], "cube"),
        ("Mul", ["cube", "cubic"], "scaled"),
        ("Add", [given, "scaled"], "inner"),
        ("Mul", ["inner", "factor"], "outer"),
        ("Tanh", ["outer"], result),
    ]
    model.graph.node.remove(node)
    for offset, (operator, inputs, output) in enumerate(made):
        model.graph.node.insert(place + offset, helper.make_node(operator, inputs, [output]))


def unmasked(model: ModelProto) -> None:
    """The mask says of every step that it counts."""
    [node] = [node for node in model.graph.node if node.op_type == "Equal"]
    for each in model.graph.initializer:
        if each.name == node.input[1]:
            model.graph.initializer.append(
                numpy_helper.from_array(np.array(-1, numpy_helper.to_array(each).dtype), "no_id")
            )
            break
    node.input[1] = "no_id"


def another_padding(model: ModelProto) -> None:
    unmasked(model)
    [tensor] = [each for each in model.graph.initializer if each.name == "no_id"]
    ones = np.ones((), numpy_helper.to_array(tensor).dtype)
    tensor.CopyFrom(numpy_helper.from_array(ones, "no_id"))


def nudged(array: Array) -> Array:
    """One step of float32 up, as a threshold that was rounded."""
    above: Array = np.nextafter(array, array.dtype.type(np.inf))
    return above


def flipped(array: Array) -> Array:
    reversed_: Array = array[..., ::-1]
    return reversed_


DAMAGES: dict[str, tuple[Callable[[Any], Any], Damage]] = {
    "the mean is lost": (dense, constant("Sub", 0, np.zeros_like)),
    "the variance is lost": (dense, constant("Mul", 0, np.ones_like)),
    "columns are swapped": (dense, constant("MatMul", 0, lambda w: w[[1, 0, 2, 3, 4, 5]])),
    "a bias is lost": (dense, constant("Add", 1, np.zeros_like)),
    "one weight is lost": (dense, constant("MatMul", 0, lambda w: w * (np.arange(8) != 3))),
    "gelu is that of tanh": (dense, gelu_by_tanh),
    "classes are independent": (dense, of("Softmax", 0, renamed("Sigmoid"))),
    "an edge is rounded": (bins, constant("Less", 0, nudged)),
    "an edge is of the bin below": (bins, of("Less", 0, renamed("LessOrEqual"))),
    "an edge is dropped": (bins, constant("Less", 0, lambda edges: edges[1:])),
    "a category is dropped": (cities, of("LabelEncoder", 0, without_first_key)),
    "categories are lower-cased": (
        cities,
        of("LabelEncoder", 0, attribute("keys_strings", lambda keys: [k.lower() for k in keys])),
    ),
    "what is unknown is another category": (
        cities,
        of("LabelEncoder", 0, attribute("default_int64", lambda _: 1)),
    ),
    "padding counts": (words, unmasked),
    "another id is padding": (words, another_padding),
    "the last row of an embedding is lost": (
        words,
        constant("Gather", 0, lambda w: w * (np.arange(40) != 39)[:, None]),
    ),
    "a row of an embedding too many": (
        words,
        constant("Gather", 0, lambda w: np.concatenate([w, w[:1]])),
    ),
    "both directions are forwards": (steps, constant("LSTM", 0, lambda w: w[[0, 0]])),
    "directions are swapped": (steps, of("Concat", -1, lambda node: node.input.reverse())),
    "gates are swapped": (steps, constant("LSTM", 0, flipped)),
    "padding is before the image": (
        image,
        of("Conv", 0, attribute("pads", lambda pads: [*pads[2:], *pads[:2]])),
    ),
    "the kernel is mirrored": (image, constant("Conv", 0, flipped)),
    "the limit of relu is lost": (image, of("Min", 0, renamed("Max"))),
}
"""The model that is damaged, and how."""


def quantized(operator: str, place: int, part: int, change: Callable[[Array], Array]) -> Damage:
    """Damages a scale (part 1) or a zero point (part 2), which no other operator then shares."""

    def damage(model: ModelProto) -> None:
        held = {each.name: each for each in model.graph.initializer}
        node = [node for node in model.graph.node if node.op_type == operator][place]
        values = change(numpy_helper.to_array(held[node.input[part]]))
        model.graph.initializer.append(numpy_helper.from_array(values, "damaged"))
        node.input[part] = "damaged"

    return damage


LITE: dict[str, Damage] = {
    "the zero point of the input is off by one": quantized(
        "DequantizeLinear", 0, 2, lambda point: point + point.dtype.type(1)
    ),
    "the scale of the input is doubled": quantized("DequantizeLinear", 0, 1, lambda s: s * 2),
    "the zero point of the output is off by one": quantized(
        "QuantizeLinear", -1, 2, lambda point: point + point.dtype.type(1)
    ),
    "a weight is lost": constant("DequantizeLinear", 1, lambda w: w * (np.arange(3) != 1)),
    "the scale of one column is another's": quantized("DequantizeLinear", 1, 1, lambda s: s[::-1]),
    "classes are independent": of("Softmax", 0, renamed("Sigmoid")),
    "a bias is lost": of("Add", 0, lambda node: node.input.__setitem__(1, node.input[0])),
}


def unguarded(model: ModelProto) -> None:
    """ONNX's own count of negative rows, from the end."""
    [gather] = [node for node in model.graph.node if node.op_type == "Gather"]
    gather.input[1] = model.graph.input[0].name


PICKS: dict[str, Damage] = {
    "negative rows count from the end": unguarded,
    "the last row is lost": constant("Gather", 0, lambda w: w[:-1]),
    "the first row is lost": constant("Gather", 0, lambda w: w * (np.arange(7) > 0)[:, None]),
}


@pytest.fixture(scope="module")
def picks(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSpec, Conversion]:
    """A SavedModel that picks rows of a weight by their numbers."""
    import tensorflow as tf

    folder, module = tmp_path_factory.mktemp("picks"), tf.Module()
    module.rows = tf.Variable(tf.random.Generator.from_seed(1).normal((7, 2)))
    function = tf.function(lambda ids: {"rows": tf.gather(module.rows, ids)}, autograph=False)
    given = tf.TensorSpec([None, 3], tf.int64)
    signatures = {"serving_default": function.get_concrete_function(ids=given)}
    with quiet():
        tf.saved_model.save(module, str(folder), signatures)
        spec = ModelSpec("picks", folder)
        return spec, require_sound(spec, CONVERTER.convert(spec))


@pytest.mark.parametrize("name", PICKS)
def test_mutations_saved_model(picks: tuple[ModelSpec, Conversion], name: str) -> None:
    require_refusal(*picks, PICKS[name])


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSpec, Conversion]:
    """A TFLite file with all of 8 bits."""
    with quiet():
        path = save_lite(tmp_path_factory.mktemp("lite") / "m.tflite", perceptron(), "int8")
        spec = ModelSpec("lite", path)
        return spec, require_sound(spec, CONVERTER.convert(spec))


@pytest.mark.parametrize("name", LITE)
def test_mutations_tflite(lite: tuple[ModelSpec, Conversion], name: str) -> None:
    require_refusal(*lite, LITE[name])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[ModelSpec, Conversion]]:
    """Each of the models, converted; it passes the check as it is."""
    import keras

    keras.utils.set_random_seed(5)
    folder, models = tmp_path_factory.mktemp("keras"), {}
    with quiet():
        for build in KERAS:
            path = folder / f"{build.__name__}.keras"
            build(keras).save(path)
            spec = ModelSpec(build.__name__, path)
            models[build.__name__] = (spec, require_sound(spec, CONVERTER.convert(spec)))
    return models


@pytest.mark.parametrize("name", DAMAGES)
def test_mutations_keras(sound: dict[str, tuple[ModelSpec, Conversion]], name: str) -> None:
    build, damage = DAMAGES[name]
    with quiet():
        require_refusal(*sound[build.__name__], damage)
