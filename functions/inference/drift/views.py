"""Views: what is counted of a tensor, as numbers for each row.

A view turns an array of [rows, ...] into floats, [rows, columns]; NaN is a missing value. A tensor
of few numbers is seen whole, a large one by its mean, which is an image's brightness; a text and a
file by their lengths in bytes, an image's file also by its brightness.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from math import nan
from types import MappingProxyType
from typing import Final

import numpy as np

from lading.functions.inference.tensors.conversion import Array

View = Callable[[Array], Array]
"""[rows, ...] -> floats, [rows, columns]."""

_IMAGES: Final = "lading.functions.inference.processing.image"


def columns(array: Array) -> Array:
    """Return each number of a row."""
    flat = np.asarray(array).reshape(len(array), -1)
    return flat if flat.dtype.kind == "f" else flat.astype(np.float64)


def mean(array: Array) -> Array:
    """Return the mean of a row; it is missing if one of its numbers is."""
    flat = array.reshape(len(array), -1)
    return flat.mean(axis=1, dtype=np.float64, keepdims=True) if flat.size else _missing(array)


def largest(array: Array) -> Array:
    """Return the largest number of a row, as the score of a class."""
    flat = array.reshape(len(array), -1)
    return columns(flat.max(axis=1, keepdims=True)) if flat.size else _missing(array)


def size(array: Array) -> Array:
    """Return how many elements a row has, of a tensor with a free axis."""
    return np.full((len(array), 1), array[:1].size, np.float64)


def length(array: Array) -> Array:
    """Return the length in bytes of each text; an empty one is missing."""
    lengths = np.array([len(text) or nan for text in array.ravel().tolist()], np.float64)
    return lengths.reshape(len(array), -1)


def picture(array: Array) -> Array:
    """Return the brightness of each file of an image, from 0 to 255."""
    # By its name: only a model of images has the layer with the library.
    brightness: Callable[[bytes], float] = import_module(_IMAGES).brightness
    return np.array([brightness(file) for file in array.ravel().tolist()]).reshape(len(array), -1)


def _missing(array: Array) -> Array:
    return np.full((len(array), 1), nan)


VIEWS: Mapping[str, View] = MappingProxyType(
    {
        "columns": columns,
        "mean": mean,
        "brightness": mean,
        "largest": largest,
        "size": size,
        "length": length,
        "picture": picture,
    }
)
"""The views of a baseline, by name."""


def joined(arrays: Sequence[Array]) -> Sequence[Array]:
    """Return the same rows in one array, if all have one shape; scalars have no rows."""
    try:
        return [np.concatenate(arrays)] if arrays else []
    except ValueError:
        return [array for array in arrays if array.ndim]
