import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import SessionPredictor, open_onnx
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.functions.inference.processing.images import file, plain, requested
from tests.support.frameworks import needs

pytestmark = needs("processing", "PIL")

COLORS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}
FIRST: tuple[Any, ...] = ("batch", 3, 4, 6)


def averaging(shape: tuple[Any, ...], datatype: int = TensorProto.FLOAT) -> bytes:
    """A graph that gives the mean of each channel of images of this shape."""
    channels = 1 if shape[1] in (1, 3) else 3
    axes = [axis for axis in range(1, len(shape)) if axis != channels]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats"], ["means"], axes=axes, keepdims=0),
        ],
        "averaging",
        [helper.make_tensor_value_info("pixels", datatype, shape)],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, [shape[0], shape[channels]])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def run(
    folder: Path,
    shape: tuple[Any, ...] = FIRST,
    datatype: int = 1,
    gate: dict[str, Any] | None = None,
    **image: Any,
) -> Packaged:
    """Package a model of this shape with this entry `image`."""
    (folder / "model.onnx").write_bytes(averaging(shape, datatype))
    entry = {"source": "model.onnx", "image": {"scale": "1/255", **image}}
    entry |= {"accuracy": gate} if gate else {}
    manifest = folder / "models.yaml"
    manifest.write_text(yaml.safe_dump({"models": {"colors": entry}}), encoding="utf-8")
    [spec] = load_manifest(manifest).select()
    return package(spec, LocalStore(folder / "store"), folder / "models.lock.json")


def served(packaged: Packaged) -> SessionPredictor:
    return open_onnx(read_artifact(Path(packaged.location), packaged.digest), 1)


@pytest.mark.parametrize(
    "shape", [FIRST, ("batch", 4, 6, 3), (2, 3, 4, 6)], ids=["first", "last", "batch of two"]
)
def test_a_model_of_pixels_names_what_is_in_files(tmp_path: Path, shape: tuple[Any, ...]) -> None:
    predictor = served(run(tmp_path, shape, classes=list(COLORS), top=2))
    files = [file(plain(9, 9, COLORS[name])) for name in ("green", "red")]
    found = predictor.predict(requested(*files))
    assert found["label"][:, 0].tolist() == [b"green", b"red"]
    assert found["score"][:, 0].tolist() == [pytest.approx(250 / 255)] * 2
    assert found["means"].shape == (2, 3)
    assert [spec.name for spec in predictor.metadata.outputs] == ["label", "score", "means"]
    with pytest.raises(InvalidInput, match="row 1 starts with b'no image'"):
        predictor.predict(requested(files[0], b"no image"))


def test_values_are_scaled_and_normalized_as_the_manifest_says(tmp_path: Path) -> None:
    given = requested(file(plain(4, 6, (0, 100, 200))))
    found = served(run(tmp_path, scale=0.5, mean=[10, 20, 30], std=2)).predict(given)
    assert list(found) == ["means"]
    assert found["means"].tolist() == [[-5, 15, 35]]


def test_gray_and_whole_numbers_follow_from_the_models_input(tmp_path: Path) -> None:
    predictor = served(run(tmp_path, ("batch", 4, 6, 1), TensorProto.UINT8, scale=1))
    assert predictor.predict(requested(file(plain(4, 6, (7, 7, 7)))))["means"].tolist() == [[7]]


def test_a_size_that_the_model_leaves_free_is_the_manifests_and_the_middle_is_cut_out(
    tmp_path: Path,
) -> None:
    shape = ("batch", 3, "height", "width")
    packaged = run(tmp_path, shape, scale=1, size=[2, 2], resize=4, resample="nearest")
    pixels = np.zeros((4, 4, 3))
    pixels[1:3, 1:3] = 100
    assert served(packaged).predict(requested(file(pixels)))["means"].tolist() == [[100] * 3]


def test_classes_may_stand_in_a_file_which_is_part_of_the_identity(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("rot\ngrün\nblau\n", encoding="utf-8")
    first = run(tmp_path, classes="names.txt")
    given = requested(file(plain(4, 6, COLORS["green"])))
    assert served(first).predict(given)["label"][0, 0].decode() == "grün"
    assert run(tmp_path, classes="names.txt").version == 1
    names.write_text("rouge\nvert\nbleu\n", encoding="utf-8")
    second = run(tmp_path, classes="names.txt")
    assert (second.version, second.built) == (2, True)


def test_logits_become_probabilities_of_the_labels(tmp_path: Path) -> None:
    packaged = run(tmp_path, classes=list(COLORS), softmax=True, top=1)
    found = served(packaged).predict(requested(file(plain(4, 6, COLORS["blue"]))))
    assert found["label"].tolist() == [b"blue"]
    assert found["score"].tolist() == [pytest.approx(0.571, abs=1e-3)]


def test_the_gate_compares_the_likeliest_names_with_those_of_held_out_images(
    tmp_path: Path,
) -> None:
    rows = [
        {"image": {"b64": b64encode(file(plain(2, 2, COLORS[name]))).decode()}, "y": name}
        for name in [*COLORS] * 12
    ]
    rows[0]["y"] = "blue"  # which is wrong
    lines = "\n".join(map(json.dumps, rows))
    (tmp_path / "held.jsonl").write_text(lines, encoding="utf-8")
    gate = {"data": "held.jsonl", "metric": "accuracy", "max_drop": 0}
    change = run(tmp_path, gate=gate, classes=list(COLORS)).accuracy
    assert change is not None
    assert change.before == change.after == pytest.approx(35 / 36)


@pytest.mark.parametrize(
    ("shape", "image", "text"),
    [
        (("batch", 3, 4), {}, "with one input of 4 axes, a batch of images; it has pixels"),
        (("batch", 3, 4, 3), {}, "needs layout: channels_first"),
        (("batch", 3, "h", 4), {}, "needs size: "),
        (FIRST, {"size": [4, 7]}, r"has size \[4, 7\], but the model expects \[4, 6\]"),
        (FIRST, {"mode": "L"}, "has mode L, but the model has 3 channels"),
        (FIRST, {"mean": [1, 2]}, "has 2 numbers in mean, but RGB has 3 channels"),
        (FIRST, {"classes": ["a", "b"]}, r"has 2 classes, but the model returns means \[-1, 3\]"),
        (FIRST, {"classes": "none.txt"}, r".*none\.txt"),
        (FIRST, {"scale": "1/0"}, "must be a number, or a fraction such as 1/255"),
        (FIRST, {"std": [1, 0, 1]}, "not contain 0"),
        (FIRST, {"size": [4]}, r"must be \[height, width\]"),
        (FIRST, {"resize": 0}, r"must be \[height, width\]"),
        (FIRST, {"classes": []}, "must list the classes"),
        (FIRST, {"sise": 1}, "did you mean 'size'"),
    ],
)
def test_what_does_not_fit_the_model_is_said_with_its_place(
    tmp_path: Path, shape: tuple[Any, ...], image: dict[str, Any], text: str
) -> None:
    with pytest.raises(PackagingError, match=rf"models\.yaml:\d+: models\.colors\.image.*{text}"):
        run(tmp_path, shape, **image)


def test_whole_numbers_are_not_scaled(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r"must have scale: 1, .* the model expects UINT8"):
        run(tmp_path, FIRST, TensorProto.UINT8)
