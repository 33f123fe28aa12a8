"""See `model_packaging/converters/tensorflow/keras_format.py`, and what Keras' errors become."""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.converters.tensorflow.converter import CONVERTER
from lading.model_packaging.converters.tensorflow.keras_format import described
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "keras", "tf2onnx")


@pytest.fixture(autouse=True)
def _without_its_warnings() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture
def model() -> Any:
    import keras

    return keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2)])


def rewrite(path: Path, change: Callable[[str], str], version: str) -> None:
    """Let a file say that another Keras wrote it, with another configuration."""
    import h5py

    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = change(str(file.attrs["model_config"]))
            file.attrs["keras_version"] = version
        return
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["config.json"] = change(contents["config.json"].decode()).encode()
    metadata = json.loads(contents["metadata.json"]) | {"keras_version": version}
    contents["metadata.json"] = json.dumps(metadata).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("m.h5", "2.11.0", r"is an HDF5 file of Keras 2\.11\.0; .*'TFOpLambda'.*model\.export\("),
        ("m.h5", "99.1.0", r"is an HDF5 file of Keras 99\.1\.0; .*pip install keras==99\.1\.0"),
        ("m.keras", "2.15.0", r"is a \.keras file of Keras 2\.15\.0; .*where Keras 2 runs"),
        ("m.keras", "99.1.0", r"is a \.keras file of Keras 99\.1\.0; .*is older: pip install"),
    ],
)
def test_a_file_of_another_keras_names_its_format_and_version(
    tmp_path: Path, model: Any, name: str, version: str, text: str
) -> None:
    path = tmp_path / name
    model.save(path)
    rewrite(path, lambda config: config.replace('"Dense"', '"TFOpLambda"'), version)
    with pytest.raises(SourceUnreadable, match=text) as caught:
        CONVERTER.convert(ModelSpec("m", path))
    assert "\n" not in str(caught.value)


def test_a_file_of_keras_2_that_keras_3_reads_is_converted(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "m.h5"
    model.save(path)
    rewrite(path, str, "2.15.0")
    assert described(path) == "an HDF5 file of Keras 2.15.0"
    assert CONVERTER.convert(ModelSpec("m", path)).onnx


def test_weights_alone_are_told_from_a_model(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    with pytest.raises(SourceUnreadable, match="contains only weights; save the whole model"):
        CONVERTER.convert(ModelSpec("m", path))


def test_what_is_no_file_of_keras_has_no_version(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\x00" * 50)
    assert described(path) is None


OWN = """
import keras

class Doubled(keras.layers.Layer):
    def call(self, x):
        return x * 2

class Halved(keras.layers.Layer):
    def call(self, x):
        return x / 2

def shifted(x):
    return x + 1
"""


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_all_that_the_module_of_a_class_has_is_known(tmp_path: Path, name: str) -> None:
    import keras

    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    names: dict[str, Any] = {"__name__": "own"}
    exec(compile(OWN, "own", "exec"), names)  # noqa: S102 our own code, above
    layers = [names["Doubled"](), names["Halved"](), keras.layers.Activation(names["shifted"])]
    keras.Sequential([keras.Input((3,)), *layers]).save(tmp_path / name)
    with pytest.raises(SourceUnreadable, match=r"contains 'Doubled', .*: class: module:Doubled"):
        CONVERTER.convert(ModelSpec("m", tmp_path / name))
    assert CONVERTER.convert(
        ModelSpec("m", tmp_path / name, class_path="own:Doubled", manifest=tmp_path / "models.yaml")
    ).onnx
