"""Occlusion of images: how much the answer changes when a patch gets the image's mean color.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2013). The value of a
patch is f(image) - f(image without the patch): above 0, the patch speaks for the answer. Patches
do not overlap, and their values do not add up to the answer.

An image is a file (BYTES), or pixels in an array of shape [rows, channels, height, width],
[rows, height, width, channels] or [rows, height, width].
"""

from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from types import ModuleType
from typing import Final, NamedTuple

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.explaining.evaluating import MOST_ROWS, Evaluator, chunks
from lading.functions.inference.explaining.png import to_png
from lading.functions.inference.tensors.conversion import Array, as_datatype, datatype_of

LONGEST_SIDE: Final = 512
"""Pixels: an image file is explained in this size, since each patch is one more file to read."""

_IMAGES: Final = "lading.functions.inference.processing.image"
"""The step, by its name: only a model of image files has the layer with its library."""

_LEAST_SIDE = 256
_CHANNELS = (1, 3)
_QUICK = 1
"""zlib's level for files that only the model reads."""
_RED, _BLUE = np.array([220.0, 30.0, 40.0]), np.array([30.0, 80.0, 220.0])
_STRONGEST = 0.75
"""The opacity of the color for the largest value."""


class Picture(NamedTuple):
    """One image.

    Args:
        pixels: [height, width, channels], in the values that the model accepts.
        rows: makes the model's input of several such arrays, [images, height, width, channels].
        most: the most images in one run of the model.
    """

    pixels: Array
    rows: Callable[[Array], Array]
    most: int = MOST_ROWS


class Occluded(NamedTuple):
    """The explanation of one image.

    Args:
        values: of each patch, float64 [patches, patches].
        answer: the model's answer without occlusion.
        target: the place of the explained value in the output.
    """

    values: Array
    answer: float
    target: int


def open_picture(x: Array) -> Picture:
    """Return the only image of an input.

    Args:
        x: one row of the input; a file has been accepted by the model before.
    """
    if x.dtype.kind == "O":
        step = import_module(_IMAGES)
        return Picture(_decoded(step, bytes(x.flat[0])), _files, step.MOST_IMAGES)
    datatype, moved = datatype_of(x), _channels_axis(x)

    def rows(pixels: Array) -> Array:
        array = pixels[..., 0] if moved is None else np.moveaxis(pixels, -1, moved)
        return as_datatype(np.ascontiguousarray(array, x.dtype), datatype)

    pixels = x[..., np.newaxis] if moved is None else np.moveaxis(x, moved, -1)
    return Picture(np.asarray(pixels)[0], rows)


def _channels_axis(x: Array) -> int | None:
    """Return the axis of the channels; None without one."""
    if x.ndim == 3:  # noqa: PLR2004 rows, height, width
        return None
    return 1 if x.shape[1] in _CHANNELS else -1


def _decoded(step: ModuleType, content: bytes) -> Array:
    """Return the pixels of an image file, RGB, upright and at most `LONGEST_SIDE` long."""
    image = step.upright(content)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return np.asarray(image)


def _files(pixels: Array) -> Array:
    files = np.empty(len(pixels), np.object_)
    files[:] = [to_png(each, _QUICK) for each in pixels]
    return files


def occlude(
    picture: Picture, name: str, grid: int, evaluator: Evaluator, target: Callable[[Array], int]
) -> Occluded:
    """Return the value of each patch of an image.

    Args:
        picture: the image.
        name: the model's input.
        grid: patches along each axis, or fewer if the image has fewer pixels.
        evaluator: the model.
        target: chooses a value of the answer.

    Raises:
        InvalidInput: the image is empty.
    """
    pixels = picture.pixels
    if not pixels.size:
        raise InvalidInput(name, "has an image without pixels")
    (answer,) = evaluator.answer({name: picture.rows(pixels[np.newaxis])})
    place = target(answer)
    ys, xs = (_edges(size, grid) for size in pixels.shape[:2])
    patches = [(slice(*rows), slice(*columns)) for rows in pairwise(ys) for columns in pairwise(xs)]
    mean = _mean_color(pixels)
    at_once = min(picture.most, evaluator.rows_per_run(pixels.size))
    found = np.empty(len(patches))
    for part in chunks(len(patches), at_once):
        masked = np.repeat(pixels[np.newaxis], part.stop - part.start, axis=0)
        for image, patch in zip(masked, patches[part], strict=True):
            image[patch] = mean
        found[part] = evaluator.answer({name: picture.rows(masked)})[:, place]
    values = (answer[place] - found).reshape(len(ys) - 1, len(xs) - 1)
    return Occluded(values, float(answer[place]), place)


def _edges(size: int, grid: int) -> list[int]:
    return [int(edge) for edge in np.linspace(0, size, min(grid, size) + 1)]


def _mean_color(pixels: Array) -> Array:
    mean = pixels.mean(axis=(0, 1), dtype=np.float64)
    return np.asarray(mean if pixels.dtype.kind == "f" else np.rint(mean), pixels.dtype)


def heat_map(picture: Picture, values: Array) -> bytes:
    """Return the image under its values as a PNG file: red speaks for the answer, blue against."""
    shown = _visible(picture.pixels)
    enlarged = max(1, round(_LEAST_SIDE / max(shown.shape[:2])))
    shown = shown.repeat(enlarged, 0).repeat(enlarged, 1)
    scale = np.abs(values).max() or 1.0
    smooth = _stretched(values / scale, shown.shape[0], shown.shape[1])[..., np.newaxis]
    opacity = _STRONGEST * np.abs(smooth)
    gray = shown.mean(axis=2, keepdims=True)
    mixed = (1 - opacity) * gray + opacity * np.where(smooth > 0, _RED, _BLUE)
    return to_png(np.clip(np.rint(mixed), 0, 255).astype(np.uint8))


def _visible(pixels: Array) -> Array:
    """Return pixels in 0 to 255, float64 [height, width, 3].

    Other values are stretched to that, where NaN and infinity count as 0.
    """
    values = np.asarray(pixels, np.float64)
    if pixels.dtype != np.uint8:
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        low, high = values.min(), values.max()
        values = (values - low) * (255 / (high - low or 1.0))
    return np.broadcast_to(values, (*values.shape[:2], 3)) if values.shape[2] == 1 else values


def _stretched(values: Array, height: int, width: int) -> Array:
    """Return the values in another size, linearly between the centers of the patches."""
    down = np.array([_line(column, height) for column in values.T]).T
    return np.array([_line(row, width) for row in down])


def _line(values: Array, size: int) -> Array:
    centers = (np.arange(len(values)) + 0.5) * size / len(values)
    return np.asarray(np.interp(np.arange(size) + 0.5, centers, values))
