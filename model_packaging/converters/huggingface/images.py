"""Hugging Face folders of image classifiers: images in, the most likely labels out.

The model has the input `image`, BYTES of shape [-1], and returns `label` and `score` [-1, top], the
most likely first, at most five, and `probabilities` [-1, classes].

preprocessor_config.json becomes the step `processing.image`. The step is compared, pixel by pixel,
with transformers' own image processor on a corpus of difficult images, each read by transformers'
`load_image`: in RGB, turned upright, without its transparency. transformers has every processor
twice, for Pillow and for torchvision, which resizes slightly differently. The original here is the
one for Pillow.
"""

from collections.abc import Mapping
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.example_inputs import ExampleInputs
from lading.model_packaging.check.probes import Probe
from lading.model_packaging.conversion import Conversion, Processing
from lading.model_packaging.converters.huggingface.folder import PROCESSOR, Folder
from lading.model_packaging.converters.huggingface.heads import Head, head_of, scores
from lading.model_packaging.converters.huggingface.originals import classifies_images
from lading.model_packaging.converters.huggingface.transformers_models import (
    answering,
    load_model,
    loading,
)
from lading.model_packaging.converters.pytorch.export import export_module
from lading.model_packaging.errors import ConversionError, ConversionMismatch
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH
from lading.model_packaging.quiet import quiet
from lading.model_packaging.steps.image_corpus import groups, images
from lading.model_packaging.steps.image_rows import IMAGE, as_files
from lading.model_packaging.steps.labels import label_options, label_outputs

PIXELS = "pixel_values"
TOLERANCE = 1e-5
"""For one pixel's value, which is about 1: the last bits of float32."""
_KNOWN = frozenset(
    {
        *("image_processor_type", "feature_extractor_type", "processor_class", "do_convert_rgb"),
        *("do_resize", "size", "default_to_square", "resample"),
        *("do_center_crop", "crop_size", "crop_pct", "do_pad"),
        *("do_rescale", "rescale_factor", "rescale_offset"),
        *("do_normalize", "image_mean", "image_std", "include_top", "do_flip_channel_order"),
    }
)
"""Keys of a processor that are supported; others are allowed if they are false or null."""
_SHORT_SIDE = 384
"""ConvNeXT's processor does not crop images of this size or larger."""


def convert_images(spec: ModelSpec, folder: Folder) -> Conversion:
    """Convert the image classifier in a folder; see `Converter.convert`.

    Raises:
        SourceUnreadable: a file is missing or damaged.
        ConversionError: its processor does something that the step does not support.
    """
    with loading(spec):
        processor = _load_processor(spec)
    model = load_model(spec, "AutoModelForImageClassification")
    head = head_of(spec, folder, model.config)
    with loading(spec):
        options = checked_options(spec, processor)
    height, width = options["crop"] or options["resize"]
    example: Array = np.zeros((3, 3, height, width), np.float32)
    inputs = ExampleInputs({PIXELS: example}, {PIXELS: {0: BATCH}}, real=False)
    onnx = export_module(spec, answering(model, partial(_scores, head)), inputs).onnx
    return _processed(onnx, classifies_images(model, head, processor), options, head)


def _load_processor(spec: ModelSpec) -> Any:
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(
        spec.source, backend="pil", local_files_only=True, trust_remote_code=False
    )


def checked_options(spec: ModelSpec, processor: Any) -> dict[str, Any]:
    """Return the options of the step that does what an image processor of transformers does.

    Raises:
        ConversionError: the step does not support something that it does.
        ConversionMismatch: their pixels differ.
    """
    options = _options(spec, processor)
    _check_pixels(spec, processor, options)
    return options


def _options(spec: ModelSpec, processor: Any) -> dict[str, Any]:
    from PIL.Image import Resampling

    settings = processor.to_dict()
    _require_known(spec, settings)
    resize, crop = _sizes(settings)
    if settings.get("do_pad") or (crop is None and not isinstance(resize, list)):
        how = "pads" if settings.get("do_pad") else "gives several sizes to"
        reason = f"{how} images, which is not supported; state height and width in {PROCESSOR}"
        raise ConversionError(spec.name, reason)
    mean, std = _normalization(settings)
    return {
        "step": "image",
        "image": IMAGE,
        "pixels": PIXELS,
        "datatype": "FP32",
        "clear": bool(settings.get("do_convert_rgb")),
        "mode": "BGR" if settings.get("do_flip_channel_order") else "RGB",
        "layout": "channels_first",
        "resize": resize,
        "resample": Resampling(settings["resample"] if resize else 0).name.lower(),
        "crop": crop,
        "scale": float(settings["rescale_factor"]) if settings.get("do_rescale") else 1.0,
        "mean": mean,
        "std": std,
    }


def _require_known(spec: ModelSpec, settings: Mapping[str, Any]) -> None:
    for key, value in settings.items():
        if key not in _KNOWN and value not in (None, False):
            reason = f"states {key}: {str(value)[:80]} in {PROCESSOR}, which is not supported"
            raise ConversionError(spec.name, reason)


def _sizes(settings: Mapping[str, Any]) -> tuple[list[int] | int | None, list[int] | None]:
    """Return the size to which an image is resized, and the size then cut from its center."""
    crop = _pair(settings["crop_size"]) if settings.get("do_center_crop") else None
    size = settings["size"] if settings.get("do_resize") else {}
    short = size.get("shortest_edge")
    if short is None:
        return _pair(size), crop
    if "crop_pct" not in settings:
        return short, crop
    square = [short, short]  # ConvNeXT's and ResNet's
    return (int(short / settings["crop_pct"]), square) if short < _SHORT_SIDE else (square, crop)


def _pair(size: Mapping[str, Any]) -> list[int] | None:
    height, width = size.get("height"), size.get("width")
    return [height, width] if height and width else None


def _normalization(settings: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Return what each channel's values are reduced by, and then divided by."""
    mean, std = (np.broadcast_to(settings.get(key, 0), 3) for key in ("image_mean", "image_std"))
    if not settings.get("do_normalize"):
        mean, std = np.zeros(3), np.ones(3)
    if settings.get("rescale_offset"):  # EfficientNet's: from -1 to 1
        mean = mean + 1
    if settings.get("include_top"):  # and divided twice
        std = std * settings["image_std"]
    return mean.tolist(), std.tolist()


def _check_pixels(spec: ModelSpec, processor: Any, options: Mapping[str, Any]) -> None:
    """Refuse a step whose pixels differ from the original's.

    Each image is compared by itself, then all together.
    """
    step = make_step(options, {})
    for names in (*([name] for name in images()), list(images())):
        files = as_files(images()[name] for name in names)
        wanted, found = _prepare(processor, files), step.before({IMAGE: files})[PIXELS]
        apart = np.abs(wanted - found).max() if wanted.shape == found.shape else np.inf
        if apart > TOLERANCE:
            reason = f"differs from the original image processor's for {names[0]}, by {apart:.2g}"
            raise ConversionMismatch(spec.name, PIXELS, reason)


def _prepare(processor: Any, files: Array) -> Array:
    """Return the model's input for files, as the original computes it."""
    from PIL.Image import open as open_image
    from transformers.image_utils import load_image

    with quiet():
        prepared = [
            processor(load_image(open_image(BytesIO(file))), return_tensors="np") for file in files
        ]
    return np.concatenate([each[PIXELS] for each in prepared])


def _scores(head: Head, model: Any, pixels: Any) -> dict[str, Any]:
    return {"probabilities": scores(head.function, model(pixel_values=pixels).logits)}


def _processed(onnx: bytes, original: Model, options: dict[str, Any], head: Head) -> Conversion:
    """Return the graph between its steps."""
    [found] = OnnxSession(onnx).outputs
    steps = (options, label_options(found.name, head.labels, head.top))
    inputs = (TensorSpec(IMAGE, "BYTES", (-1,)),)
    processing = Processing(steps, {}, inputs, (*label_outputs(found, head.top), found))
    plain, *special = (as_files(group.values()) for group in groups().values())
    probes = tuple(
        Probe(kind, {IMAGE: files}) for kind, files in zip(list(groups())[1:], special, strict=True)
    )
    return Conversion(onnx, original, {IMAGE: plain}, processing, probes=probes)
