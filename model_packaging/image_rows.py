"""Columns of images, in files of rows."""

from collections.abc import Iterable

import numpy as np

from functions.inference.tensors import Array

IMAGE = "image"
"""The input of every model that takes image files."""


def as_files(contents: Iterable[bytes]) -> Array:
    """Files as the service carries them: an object array of `bytes`, of shape [files]."""
    given = list(contents)
    array: Array = np.empty(len(given), np.object_)
    array[:] = given
    return array
