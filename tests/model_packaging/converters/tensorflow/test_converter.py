"""See `model_packaging/converters/tensorflow/converter.py`; TensorFlow is imported where it is
used."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.errors import (
    ConversionError,
    ManifestError,
    PackagingError,
    SourceUnreadable,
    SourceUntrusted,
)
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.errors import NumberTaken
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.converters.examples import agree, signature, spec_of, train
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")

ROWS = np.random.default_rng(0).random((5, 3), np.float32)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder with what its script writes; not to be written to."""
    return train("digits_keras", tmp_path_factory, left_out="saved_*")


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("digits-keras", "probabilities"),
        ("digits-h5", "probabilities"),
        ("digits-savedmodel", "output_0"),
        ("digits-tflite", "output_0"),
    ],
)
def test_each_form_of_the_example_answers_as_the_original_for_any_number_of_rows(
    trained: Path, name: str, output: str
) -> None:
    conversion = CONVERTER.convert(spec_of(trained, name))
    assert signature(conversion) == {"pixels": ("FP32", (-1, 64)), output: ("FP32", (-1, 10))}
    rows = np.load(trained / "holdout.npz")["X"]
    agree(conversion, {"pixels": rows}, {"pixels": rows[:1]})
    axis = onnx.load_model_from_string(conversion.onnx).graph.input[0].type.tensor_type.shape.dim[0]
    assert axis.dim_param == "batch"
    with pytest.raises(ValueError, match=r"\w"):
        conversion.reference({"pixels": rows[:, :3]})


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.tflite"])
def test_with_a_framework_a_file_may_have_any_suffix(
    trained: Path, tmp_path: Path, name: str
) -> None:
    rows = np.load(trained / "holdout.npz")["X"]
    for renamed in ("model.hdf5", "model.bin", "model"):
        if renamed == "model.hdf5" and name != "model.h5":
            continue
        source = tmp_path / renamed
        source.write_bytes((trained / name).read_bytes())
        spec = ModelSpec("m", source, framework="tensorflow")
        agree(find_converter("m", source, "tensorflow").convert(spec), {"pixels": rows})


def test_the_same_file_gives_the_same_bytes(trained: Path) -> None:
    one, two = (CONVERTER.convert(spec_of(trained, "digits-keras")).onnx for _ in range(2))
    assert one == two


def test_a_folder_with_a_saved_model_tells_its_framework(trained: Path, tmp_path: Path) -> None:
    assert find_converter("m", trained / "saved_model").framework == "tensorflow"
    files = CONVERTER.files(spec_of(trained, "digits-savedmodel"))
    assert {"saved_model.pb", "variables.index"} <= {path.name for path in files}
    with pytest.raises(PackagingError, match=r"has an unknown type; .*saved_model\.pb"):
        find_converter("m", tmp_path)


def save_module(folder: Path, *names: str, function: Any = None) -> ModelSpec:
    """A SavedModel with these of the signatures `score` and `embed`, of two inputs each."""
    import tensorflow as tf

    def both(left: Any, right: Any) -> dict[str, Any]:
        return {"total": left + right, "apart": left - right}

    one = tf.TensorSpec((None, 3), tf.float32)
    module = tf.Module()
    module.weight = tf.Variable([1.0, 2.0, 3.0])
    run = tf.function(function or both)
    score = run.get_concrete_function(left=one, right=one)
    embed = tf.function(lambda left: {"vector": left * module.weight}).get_concrete_function(
        left=one
    )
    known = {"score": score, "embed": embed}
    tf.saved_model.save(module, str(folder / "saved"), {name: known[name] for name in names})
    return ModelSpec("m", folder / "saved")


def test_a_signature_is_chosen_by_its_name_and_keeps_its_names(tmp_path: Path) -> None:
    spec = save_module(tmp_path, "score", "embed")
    score = CONVERTER.convert(replace(spec, signatures=("score",)))
    assert list(signature(score)) == ["left", "right", "apart", "total"]
    agree(score, {"left": ROWS, "right": ROWS * 2})
    embed = CONVERTER.convert(replace(spec, signatures=("embed",)))
    assert list(signature(embed)) == ["left", "vector"]
    agree(embed, {"left": ROWS})


def test_of_several_signatures_one_must_be_named_and_a_lone_one_need_not(tmp_path: Path) -> None:
    (tmp_path / "lone").mkdir()
    assert list(signature(CONVERTER.convert(save_module(tmp_path / "lone", "embed")))) == [
        "left",
        "vector",
    ]
    spec = save_module(tmp_path, "score", "embed")
    with pytest.raises(
        ManifestError,
        match=r"m\.signature: is required, .*none is serving_default; .*\[embed, score\]",
    ):
        CONVERTER.convert(spec)
    with pytest.raises(ManifestError, match=r"'scor' is not in saved, .*did you mean 'score'"):
        CONVERTER.convert(replace(spec, signatures=("scor",)))


def test_a_saved_model_without_signatures_says_how_to_save_one(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"no signatures; save it with model\.export"):
        CONVERTER.convert(save_module(tmp_path))


def test_a_saved_model_that_touches_files_needs_trust(tmp_path: Path) -> None:
    import tensorflow as tf

    def reading(left: Any, right: Any) -> dict[str, Any]:
        return {"total": left + right, "secret": tf.io.read_file("/etc/hostname")}

    with pytest.raises(SourceUntrusted, match=r"\(ReadFile\).*models\.m\.trust: true"):
        CONVERTER.convert(save_module(tmp_path, "score", function=reading))


def test_an_operator_that_onnx_lacks_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    def odd(left: Any, right: Any) -> dict[str, Any]:
        return {"total": tf.math.lgamma(left) + right}

    with pytest.raises(ConversionError, match="has no ONNX form: ONNX lacks Lgamma; compute that"):
        CONVERTER.convert(save_module(tmp_path, "score", function=odd))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x89HDF\r\n\x1a\n" + b"\x00" * 50])
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.tflite", "m/saved_model.pb"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    source = path.parent if path.suffix == ".pb" else path
    with pytest.raises(SourceUnreadable, match="model 'm'") as caught:
        CONVERTER.convert(ModelSpec("m", source))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.tflite"])
def test_a_truncated_file_is_one_clear_error(tmp_path: Path, trained: Path, name: str) -> None:
    content = (trained / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceUnreadable, match="is damaged"):
        CONVERTER.convert(ModelSpec("m", tmp_path / name))


def test_a_keras_file_with_code_inside_needs_trust(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2)])
    for name in ("m.keras", "m.h5"):
        network.save(tmp_path / name)
        with pytest.raises(SourceUntrusted, match=r"Lambda.*models\.m\.trust: true"):
            CONVERTER.convert(ModelSpec("m", tmp_path / name))
    conversion = CONVERTER.convert(ModelSpec("m", tmp_path / "m.keras", trust=True))
    agree(conversion, {next(iter(signature(conversion))): ROWS})


LAYERS = """
import keras

class Doubled(keras.layers.Layer):
    def call(self, x):
        return x * 2
"""


def test_a_layer_of_ones_own_is_named_by_its_class(tmp_path: Path) -> None:
    import keras

    (tmp_path / "layers.py").write_text(LAYERS, encoding="utf-8")
    names: dict[str, Any] = {"__name__": "layers"}
    exec(compile(LAYERS, "layers", "exec"), names)  # noqa: S102 our own code, above
    network = keras.Sequential([keras.Input((3,), name="x"), names["Doubled"](name="twice")])
    network.save(tmp_path / "m.keras")
    with pytest.raises(SourceUnreadable, match="custom class, name it: class: module:Doubled"):
        CONVERTER.convert(ModelSpec("m", tmp_path / "m.keras"))
    conversion = CONVERTER.convert(
        ModelSpec(
            "m",
            tmp_path / "m.keras",
            class_path="layers:Doubled",
            manifest=tmp_path / "models.yaml",
        )
    )
    assert list(signature(conversion)) == ["x", "twice"]
    agree(conversion, {"x": ROWS})


def test_several_inputs_and_a_dict_of_outputs_keep_their_order(tmp_path: Path) -> None:
    import keras

    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    answers = {
        "z": keras.layers.Dense(2, name="first")(left),
        "a": keras.layers.Subtract(name="second")([left, right]),
    }
    keras.Model([right, left], answers).save(tmp_path / "m.keras")
    conversion = CONVERTER.convert(ModelSpec("m", tmp_path / "m.keras"))
    assert set(signature(conversion)) == {"left", "right", "z", "a"}
    request = {"left": ROWS, "right": ROWS + 1}
    agree(conversion, request)
    assert np.allclose(conversion.reference(request)["a"], -1)


def test_a_signature_says_nothing_to_a_keras_file(trained: Path) -> None:
    spec = ModelSpec("m", trained / "model.keras", signatures=("serve",))
    with pytest.raises(ManifestError, match="is only for SavedModels; remove it"):
        CONVERTER.convert(spec)


def test_of_a_base_folder_the_highest_version_is_packaged_and_keeps_its_number(
    tmp_path: Path,
) -> None:
    base, store = tmp_path / "base", LocalStore(tmp_path / "store")
    base.mkdir()
    save_module(tmp_path, "score").source.rename(base / "9")
    save_module(tmp_path, "embed").source.rename(base / "10")
    spec = ModelSpec("m", base)
    assert find_converter("m", base).framework == "tensorflow"
    first = package(spec, store, tmp_path / "models.lock.json")
    assert first.version == 10
    assert [each.name for each in store.open("m", 10).artifact.inputs] == ["left"]
    assert package(spec, store, tmp_path / "models.lock.json").version == 10
    pruned = replace(spec, quantize=QuantizeSpec("fp16"))
    with pytest.raises(NumberTaken, match=r"'m': .* is 10, but version 10 is published; rename"):
        package(pruned, store, tmp_path / "models.lock.json")
    (base / "10").rename(base / "12")
    assert package(spec, store, tmp_path / "models.lock.json").version == 12
    alone = replace(spec, source=base / "9")
    assert package(alone, store, tmp_path / "models.lock.json").version == 13
