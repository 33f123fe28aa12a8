"""Image files in and labels out, around a model of pixels: what the manifest's `image` says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.tensors.conversion import DTYPES
from lading.model_packaging.conversion import Conversion, Processing, Session, around, open_session
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.image_input import ImageInput
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.steps.image_corpus import images
from lading.model_packaging.steps.image_rows import IMAGE, as_files
from lading.model_packaging.steps.labels import label_options, label_outputs

_RANK = 4
"""Of a batch of images: rows, height, width and channels."""
_CHANNELS = (1, 3)


def with_image(spec: ModelSpec, conversion: Conversion) -> Conversion:
    """The conversion as callers see it, who send files and get labels, if the manifest says so.

    Raises:
        ManifestError: what it says does not fit the model.
        ConversionError: the model has other than plain tensors.
    """
    image = spec.image
    if image is None:
        return conversion
    if conversion.processing is not None:
        raise _refusal(spec, "is what the folder's own preprocessor_config.json says; remove it")
    session = open_session(spec.name, conversion, conversion.onnx)
    pixels = _pixels(spec, session)
    steps = [_options(spec, image, pixels)]
    outputs = session.outputs
    names = _names(spec, image)
    if names:
        scores, top = _scores(spec, session, names), min(image.top, len(names))
        steps.append({**label_options(scores.name, names, top), "softmax": image.softmax})
        outputs = (*label_outputs(scores, top), *outputs)
    reference = conversion.reference
    for options in reversed(steps):
        reference = around(_made(spec, options), reference)
    inputs = (TensorSpec(IMAGE, "BYTES", pixels.shape[:1]),)
    processing = Processing(tuple(steps), {}, inputs, outputs)
    examples = {IMAGE: as_files(images().values())}
    stepped = replace(conversion, reference=reference, examples=examples, processing=processing)
    return replace(stepped, known={}, probes=(), domains={})


def _made(spec: ModelSpec, options: dict[str, Any]) -> Any:
    try:
        return make_step(options, {})
    except ValueError as error:
        raise _refusal(spec, str(error)) from error


def _pixels(spec: ModelSpec, session: Session) -> TensorSpec:
    """The input that takes images."""
    if len(session.inputs) == 1 and len(session.inputs[0].shape) == _RANK:
        return session.inputs[0]
    found = ", ".join(f"{each.name} {list(each.shape)}" for each in session.inputs)
    reason = "is for a model whose one input is a batch of images, of 4 axes; it takes"
    raise _refusal(spec, f"{reason} {found}")


def _options(spec: ModelSpec, image: ImageInput, pixels: TensorSpec) -> dict[str, Any]:
    """The step `image`, what is not said taken from the shape of the model's input."""
    layout = image.layout or _layout(spec, pixels)
    first = layout == "channels_first"
    channels = pixels.shape[1 if first else 3]
    mode = image.mode or ("L" if channels == 1 else "RGB")
    if channels not in (len(mode), -1):
        raise _refusal(spec, f"gives {mode}, the model takes {channels} channels")
    if DTYPES[pixels.datatype].kind != "f" and (image.scale, *image.mean, *image.std) != (1, 0, 1):
        reason = f"must have scale: 1, and no mean and std: the model takes {pixels.datatype}"
        raise _refusal(spec, reason)
    size = _size(spec, image, pixels.shape[2:] if first else pixels.shape[1:3])
    return {
        "step": "image",
        "image": IMAGE,
        "pixels": pixels.name,
        "datatype": pixels.datatype,
        "mode": mode,
        "layout": layout,
        "resize": image.resize or size,
        "resample": image.resample,
        "crop": size if image.resize else None,
        "scale": image.scale,
        "mean": _for_each(spec, "mean", image.mean, mode),
        "std": _for_each(spec, "std", image.std, mode),
    }


def _layout(spec: ModelSpec, pixels: TensorSpec) -> str:
    first, last = (pixels.shape[axis] in _CHANNELS for axis in (1, 3))
    if first == last:
        reason = (
            f"must say its layout: the model takes {list(pixels.shape)}, channels_first or last"
        )
        raise _refusal(spec, reason)
    return "channels_first" if first else "channels_last"


def _size(spec: ModelSpec, image: ImageInput, sides: tuple[int, ...]) -> list[int]:
    """Height and width, as the model fixes them or the manifest says."""
    said = image.size or sides
    if -1 in said:
        raise _refusal(spec, "must say its size, [height, width]: the model takes any")
    if any(side not in (-1, asked) for side, asked in zip(sides, said, strict=True)):
        raise _refusal(spec, f"says size {list(said)}, the model takes {list(sides)}")
    return list(said)


def _for_each(spec: ModelSpec, key: str, numbers: tuple[float, ...], mode: str) -> list[float]:
    """A number for each channel."""
    if len(numbers) not in (1, len(mode)):
        raise _refusal(
            spec, f"has {len(numbers)} numbers in {key}, {mode} has {len(mode)} channels"
        )
    return list(numbers * (len(mode) // len(numbers)))


def _names(spec: ModelSpec, image: ImageInput) -> tuple[str, ...]:
    if not isinstance(image.classes, Path):
        return image.classes or ()
    try:
        lines = image.classes.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _refusal(spec, f"names classes that cannot be read: {error}") from error
    return tuple(line.strip() for line in lines if line.strip())


def _scores(spec: ModelSpec, session: Session, names: tuple[str, ...]) -> TensorSpec:
    """The output with a score for each class."""
    for output in session.outputs:
        floats = DTYPES[output.datatype].kind == "f" and len(output.shape) == len(("row", "class"))
        if floats and output.shape[-1] in (len(names), -1):
            return output
    found = ", ".join(f"{each.name} {list(each.shape)}" for each in session.outputs)
    raise _refusal(spec, f"names {len(names)} classes; the model gives {found}")


def _refusal(spec: ModelSpec, reason: str) -> ManifestError:
    return ManifestError(spec.place("image"), reason)
