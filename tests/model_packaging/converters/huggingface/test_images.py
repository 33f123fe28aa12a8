"""See `model_packaging/converters/huggingface/images.py`; transformers is imported where it is
used."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.check.stage import check
from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.converters.huggingface.images import checked_options
from lading.model_packaging.errors import ConversionError, ConversionMismatch, PackagingError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.quiet import quiet
from lading.model_packaging.steps.image_corpus import groups, images
from lading.model_packaging.steps.image_rows import as_files
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.comparison import check_conversion
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "PIL")

LABELS = {0: "cat", 1: "dog", 2: "owl", 3: "cow", 4: "ant", 5: "bee"}
EXACT = {"size": {"height": 16, "width": 16}}
CROPPED = {"size": {"shortest_edge": 20}, "crop_size": {"height": 16, "width": 16}}


def processor_of(name: str, **options: Any) -> Any:
    """transformers' own image processor for Pillow, of this class."""
    from transformers.models.auto.image_processing_auto import get_image_processor_class_from_name

    with quiet():
        return get_image_processor_class_from_name(f"{name}ImageProcessorPil")(**options)


def save(folder: Path, processor: str, **options: Any) -> ModelSpec:
    """A tiny ResNet with weights by chance, and an image processor of this class."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic", id2label=LABELS
    )
    with quiet():
        transformers.ResNetForImageClassification(config).save_pretrained(folder)
        processor_of(processor, **options).save_pretrained(folder)
    return ModelSpec("pets", folder)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


@pytest.mark.parametrize(
    ("processor", "options"),
    [
        ("ViT", EXACT),
        ("ConvNext", {"size": {"shortest_edge": 32}, "crop_pct": 0.8}),
        ("ConvNext", {"size": {"shortest_edge": 384}}),
        ("MobileNetV2", CROPPED),
        ("MobileViT", CROPPED),
        ("Bit", {**CROPPED, "resample": 0}),
        ("DeiT", {"size": {"height": 9, "width": 12}, "crop_size": {"height": 16, "width": 7}}),
        ("EfficientNet", {**EXACT, "rescale_offset": True, "rescale_factor": 1 / 127.5}),
        ("Siglip", {**EXACT, "do_normalize": False, "do_rescale": False}),
    ],
)
def test_what_a_processor_does_is_done_by_the_step(processor: str, options: dict[str, Any]) -> None:
    found = checked_options(ModelSpec("pets", Path()), processor_of(processor, **options))
    assert found["step"] == "image"


@pytest.mark.parametrize(
    ("processor", "options", "text"),
    [
        ("ImageGPT", {}, r"states do_color_quantize: True in preprocessor_config\.json"),
        ("Donut", {}, r"states do_thumbnail: True"),
        ("TextNet", {}, "states size_divisor: 32"),
    ],
)
def test_a_key_that_is_not_understood_is_refused_by_name(
    processor: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConversionError, match=text):
        checked_options(ModelSpec("pets", Path()), processor_of(processor, **options))


def test_a_key_of_the_file_that_its_processor_does_not_know_is_refused(tmp_path: Path) -> None:
    spec = save(tmp_path, "ViT", **EXACT)
    edit(tmp_path / "preprocessor_config.json", sharpen=3)
    with pytest.raises(ConversionError, match=r"states sharpen: 3 in preprocessor_config\.json"):
        CONVERTER.convert(spec)


@pytest.mark.parametrize("processor", ["Levit", "Perceiver"])
def test_a_processor_that_does_something_else_is_refused(processor: str) -> None:
    text = "differs from the original image processor's for JPEG, 640 x 427, by"
    with pytest.raises(ConversionMismatch, match=text):
        checked_options(ModelSpec("pets", Path()), processor_of(processor))


def pipeline_scores(spec: ModelSpec, name: str, **options: Any) -> list[float]:
    """What the pipeline of transformers answers for an image, in the order of the classes."""
    from PIL import Image
    from transformers import pipeline

    with quiet():
        pipe = pipeline("image-classification", model=str(spec.source))
        found = pipe(Image.open(BytesIO(images()[name])), top_k=len(LABELS), **options)
    scores = {each["label"]: each["score"] for each in found}
    return [scores[label] for label in LABELS.values()]


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, {}),
        ({"problem_type": "multi_label_classification"}, {}),
        ({"problem_type": "regression"}, {}),
        ({"function_to_apply": "sigmoid"}, {"function_to_apply": "sigmoid"}),
    ],
    ids=str,
)
def test_scores_are_those_of_the_pipeline(
    tmp_path: Path, changes: dict[str, Any], options: dict[str, Any]
) -> None:
    spec = save(tmp_path, "ViT", **EXACT)
    edit(tmp_path / "config.json", **changes)
    conversion = CONVERTER.convert(spec)
    names = ["PNG, 1 x 1", "PNG, RGBA", "JPEG, CMYK", "JPEG, EXIF orientation 6"]
    files = as_files(images()[name] for name in names)
    found = conversion.session(conversion.onnx).run({"image": files})["probabilities"]
    wanted = [pipeline_scores(spec, name, **options) for name in names]
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_images_of_every_kind_are_probed(tmp_path: Path) -> None:
    spec = save(tmp_path, "ViT", **EXACT)
    checked, _ = check(spec, CONVERTER.convert(spec))
    kinds = checked.evidence.rows()
    assert {*groups()} - {"images of many sizes"} <= kinds.keys()
    assert kinds["typical rows"] == len(groups()["images of many sizes"])


def test_a_classifier_answers_as_the_original(tmp_path: Path) -> None:
    spec = save(tmp_path, "ConvNext", size={"shortest_edge": 32}, crop_pct=0.8)
    conversion = CONVERTER.convert(spec)
    files = as_files([images()["JPEG, CMYK"], images()["PNG, 31 x 255"]])
    session = conversion.session(conversion.onnx)
    assert check_conversion("m", [{"image": files}], conversion.reference, session.run) == 2
    assert conversion.processing is not None
    outputs = {spec.name: spec.shape for spec in conversion.processing.outputs}
    assert outputs == {"label": (-1, 5), "score": (-1, 5), "probabilities": (-1, 6)}
    assert list(conversion.reference({"image": files})) == list(outputs)


def test_a_published_classifier_answers_labels_for_files(tmp_path: Path) -> None:
    spec = save(tmp_path / "model", "ViT", **EXACT)
    packaged = package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    artifact = read_artifact(Path(packaged.location), packaged.digest)
    predictor = open_onnx(artifact, 1)
    found = predictor.predict({"image": as_files(images().values())})
    assert found["label"].shape == (len(images()), 5)
    assert set(found["label"].ravel()) <= {name.encode() for name in LABELS.values()}
    assert (np.diff(found["score"]) <= 0).all()
    assert np.allclose(found["probabilities"].sum(axis=1), 1)
    assert artifact.specification["classes"] == {"probabilities": list(LABELS.values())}
    assert artifact.golden is not None
    golden = json.loads(artifact.golden)["requests"]
    assert set(golden[0]["inputs"][0]["data"][0]) == {"b64"}
    lock = json.loads((tmp_path / "models.lock.json").read_bytes())
    assert lock["pets"]["versions"]["1"]["processing"] == ["pillow"]


@pytest.mark.parametrize(
    "changes", [{"size": {"shortest_edge": 20}}, {"do_resize": False}, {"do_pad": True}]
)
def test_images_of_several_sizes_are_refused_with_what_to_state(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    spec = save(tmp_path, "ViT", **EXACT)
    edit(tmp_path / "preprocessor_config.json", **changes)
    with pytest.raises(ConversionError, match=r"state height and width in preprocessor_config\.js"):
        CONVERTER.convert(spec)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("preprocessor_config.json", r"has no preprocessor_config\.json; save it with image_proce"),
        ("model.safetensors", r"no usable model\.safetensors; save it again"),
    ],
)
def test_a_missing_file_is_said_with_how_to_make_it(tmp_path: Path, file: str, text: str) -> None:
    spec = save(tmp_path, "ViT", **EXACT)
    (tmp_path / file).unlink()
    with pytest.raises(PackagingError, match=text):
        CONVERTER.convert(spec)


@pytest.mark.parametrize(
    "changes",
    [
        {"image_processor_type": "NoSuchImageProcessor"},
        {"size": "large"},
        {"resample": 77},
        {"image_mean": [0.5]},
        {"auto_map": {"AutoImageProcessor": "evil.Processor"}, "image_processor_type": None},
    ],
    ids=str,
)
def test_a_damaged_processor_is_one_clear_error(tmp_path: Path, changes: dict[str, Any]) -> None:
    spec = save(tmp_path, "ViT", **EXACT)
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')", encoding="utf-8")
    edit(tmp_path / "preprocessor_config.json", **changes)
    with pytest.raises(PackagingError, match="model 'pets'") as caught:
        CONVERTER.convert(spec)
    assert "\n" not in str(caught.value)
