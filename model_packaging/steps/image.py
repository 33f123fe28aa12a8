"""Adds the steps of the manifest's `image` around a model of pixels: image files in, labels out."""

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
"""Axes of a batch of images: rows, height, width and channels."""
_CHANNELS = (1, 3)


def with_image(spec: ModelSpec, conversion: Conversion) -> Conversion:
    """Return the conversion with image files as inputs, and labels if the manifest has classes.

    Raises:
        ManifestError: the manifest's `image` does not fit the model.
        ConversionError: the model has inputs or outputs that are not tensors.
    """
    image = spec.image
    if image is None:
        return conversion
    if conversion.processing is not None:
        raise _refusal(spec, "has no effect: the folder has a preprocessor_config.json; remove it")
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
    """Return the input for images."""
    if len(session.inputs) == 1 and len(session.inputs[0].shape) == _RANK:
        return session.inputs[0]
    found = ", ".join(f"{each.name} {list(each.shape)}" for each in session.inputs)
    reason = "needs a model with one input of 4 axes, a batch of images; it has"
    raise _refusal(spec, f"{reason} {found}")


def _options(spec: ModelSpec, image: ImageInput, pixels: TensorSpec) -> dict[str, Any]:
    """Return the step `image`, completed from the shape of the model's input."""
    layout = image.layout or _layout(spec, pixels)
    first = layout == "channels_first"
    channels = pixels.shape[1 if first else 3]
    mode = image.mode or ("L" if channels == 1 else "RGB")
    if channels not in (len(mode), -1):
        raise _refusal(spec, f"has mode {mode}, but the model has {channels} channels")
    if DTYPES[pixels.datatype].kind != "f" and (image.scale, *image.mean, *image.std) != (1, 0, 1):
        reason = f"must have scale: 1, and no mean and std: the model expects {pixels.datatype}"
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
            f"needs layout: channels_first or channels_last; the model has {list(pixels.shape)}"
        )
        raise _refusal(spec, reason)
    return "channels_first" if first else "channels_last"


def _size(spec: ModelSpec, image: ImageInput, sides: tuple[int, ...]) -> list[int]:
    """Return height and width, from the manifest or the model."""
    stated = image.size or sides
    if -1 in stated:
        raise _refusal(spec, "needs size: [height, width]; the model accepts any")
    if any(side not in (-1, given) for side, given in zip(sides, stated, strict=True)):
        raise _refusal(spec, f"has size {list(stated)}, but the model expects {list(sides)}")
    return list(stated)


def _for_each(spec: ModelSpec, key: str, numbers: tuple[float, ...], mode: str) -> list[float]:
    """Return a number for each channel."""
    if len(numbers) not in (1, len(mode)):
        raise _refusal(
            spec, f"has {len(numbers)} numbers in {key}, but {mode} has {len(mode)} channels"
        )
    return list(numbers * (len(mode) // len(numbers)))


def _names(spec: ModelSpec, image: ImageInput) -> tuple[str, ...]:
    if not isinstance(image.classes, Path):
        return image.classes or ()
    try:
        lines = image.classes.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _refusal(spec, f"names a file of classes that cannot be read: {error}") from error
    return tuple(line.strip() for line in lines if line.strip())


def _scores(spec: ModelSpec, session: Session, names: tuple[str, ...]) -> TensorSpec:
    """Return the output with a score for each class."""
    for output in session.outputs:
        floats = DTYPES[output.datatype].kind == "f" and len(output.shape) == len(("row", "class"))
        if floats and output.shape[-1] in (len(names), -1):
            return output
    found = ", ".join(f"{each.name} {list(each.shape)}" for each in session.outputs)
    raise _refusal(spec, f"has {len(names)} classes, but the model returns {found}")


def _refusal(spec: ModelSpec, reason: str) -> ManifestError:
    return ManifestError(spec.place("image"), reason)
