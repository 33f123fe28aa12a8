"""Rows that layers over sequences and ids treat specially: padding, masks, ids out of range."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.probes import Known, Probe, Request
from lading.model_packaging.check.samples import SEED

_ROWS, _STEPS = 3, 6
_BYTE = 8
_SEQUENCE, _VECTORS, _IMAGES = 2, 3, 4
"""Numbers of axes of a batch of sequences of ids, of sequences of vectors, and of images."""
_IMAGE_ROWS, _PIXELS = 8, 64


def probes(inputs: Mapping[str, Any], known: Mapping[str, Known]) -> Iterator[Probe]:
    """Yield rows for each input that has such values.

    Args:
        inputs: a `tf.TensorSpec` of each input, by its name.
        known: what the graph shows about them.
    """
    base = some_rows(inputs)
    generator = np.random.default_rng(SEED)
    for name, each in inputs.items():
        rank, highest = each.shape.rank, known.get(name, Known()).highest
        array = base[name]
        if highest is not None:
            yield from _ids(base, name, highest)
        elif each.dtype.is_integer and rank:
            yield from _numbers(base, name)
        if highest is not None and rank == _SEQUENCE:
            ids = generator.integers(min(1, highest), highest + 1, array.shape).astype(array.dtype)
            yield from _padded(base, name, ids, "padding")
            between = ids.copy()
            between[:, ids.shape[1] // 2] = 0
            yield Probe(f"padding between ids in '{name}'", {**base, name: between})
        if each.dtype.is_floating and rank == _VECTORS:
            values = generator.standard_normal(array.shape).astype(array.dtype)
            yield from _padded(base, name, values, "steps of zeros")


def examples(inputs: Mapping[str, Any]) -> Request | None:
    """Return images if their size is free: a few pixels are too few for many networks."""
    sizes = {name: _image_size(each) for name, each in inputs.items()}
    if not sizes or None in sizes.values():
        return None
    generator = np.random.default_rng(SEED)
    return {
        name: generator.standard_normal(sizes[name]).astype(each.dtype.as_numpy_dtype)
        for name, each in inputs.items()
    }


def _image_size(tensor: Any) -> list[int] | None:
    """Return the shape of some images; None for other inputs, and for images of fixed size."""
    sizes = list(tensor.shape)
    if not tensor.dtype.is_floating or len(sizes) != _IMAGES or None not in sizes[1:]:
        return None
    return [_IMAGE_ROWS, *(size or _PIXELS for size in sizes[1:])]


def some_rows(inputs: Mapping[str, Any]) -> Request:
    """Return a few rows that fit: zeros, and empty texts."""
    return {name: _filled(each) for name, each in inputs.items()}


def various_rows(inputs: Mapping[str, Any]) -> Request:
    """Return a few rows that fit and differ: normally distributed floats, and 0 and 1."""
    generator = np.random.default_rng(SEED)
    rows = some_rows(inputs)
    for name, array in rows.items():
        if array.dtype.kind == "f":
            rows[name] = generator.standard_normal(array.shape).astype(array.dtype)
        elif array.dtype.kind in "iub":
            rows[name] = generator.integers(0, 2, array.shape).astype(array.dtype)
    return rows


def _filled(tensor: Any) -> Array:
    """Return an array that fits: zeros, or empty texts."""
    rank = tensor.shape.rank
    free = [_ROWS if axis == 0 else _STEPS for axis in range(rank)]
    sizes = [size if size is not None else free[axis] for axis, size in enumerate(tensor.shape)]
    if tensor.dtype.name == "string":
        return np.full(sizes, b"", np.object_)
    return np.zeros(sizes, tensor.dtype.as_numpy_dtype)


def _ids(base: Request, name: str, highest: int) -> Iterator[Probe]:
    for kind, value in (("a negative id", -1), ("an id that is too high", highest + 1)):
        array = base[name].copy()
        array.flat[0] = value
        yield Probe(f"{kind} in '{name}'", {**base, name: array})


def _numbers(base: Request, name: str) -> Iterator[Probe]:
    """Yield numbers of two magnitudes, as classes and counts have; all numbers if of 8 bits."""
    array = base[name]
    kinds = np.iinfo(array.dtype)
    if kinds.bits == _BYTE:
        every = np.arange(kinds.min, kinds.max + 1)
        rows = -(-every.size // max(1, array[0].size))
        whole = np.resize(every, (rows, *array.shape[1:])).astype(array.dtype)
        others = {key: np.resize(each, (rows, *each.shape[1:])) for key, each in base.items()}
        yield Probe(f"every number in '{name}'", {**others, name: whole})
    for end in (10, 100):
        numbers = np.arange(array.size).reshape(array.shape) * 7 % end
        kind = f"numbers up to {end} in '{name}'"
        yield Probe(kind, {**base, name: numbers.astype(array.dtype)})


def _padded(base: Request, name: str, values: Array, padding: str) -> Iterator[Probe]:
    """Yield the values with zeros for all steps, for the last half, and for the first half."""
    half = values.shape[1] // 2
    for place, steps in (
        ("only", slice(None)),
        ("trailing", slice(half, None)),
        ("leading", slice(half)),
    ):
        array = values.copy()
        array[:, steps] = 0
        yield Probe(f"{place} {padding} in '{name}'", {**base, name: array})
