"""How near two answers must be to count as the same.

Floats must be within `ABSOLUTE_TOLERANCE`, `RELATIVE_TOLERANCE` of the value and `ROW_TOLERANCE` of
the row's largest value; all other values must be equal. The manifest's `check.tolerance` widens all
three by one factor. With a wider tolerance, the class with the highest score must be the same as
well, unless the original is undecided within the usual one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from lading.functions.inference.tensors.bfloat16 import BFloat16
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.checking import RELATIVE_TOLERANCE
from lading.model_packaging.manifest.models import ModelSpec

ABSOLUTE_TOLERANCE = 1e-4
ROW_TOLERANCE = 1e-5
_HALF_STEPS = 4
"""Steps of FP16 or BF16 at the row's largest value: sums in another order round differently."""

_SCORES = 2
"""The fewest values of a row among which two can be equal."""
_EVEN = 0.5
"""A single score says yes above it."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near answers must be.

    Args:
        tolerance: the largest difference of a float, as a share of it.
        scores: the names of outputs that are scores of classes. Rows that are probabilities of
            several classes are seen without.
    """

    tolerance: float = RELATIVE_TOLERANCE
    scores: frozenset[str] = frozenset()

    @property
    def widened(self) -> bool:
        """Whether floats may differ more than usual."""
        return self.tolerance > RELATIVE_TOLERANCE

    def wrong_rows(self, output: str, original: Array, converted: Array) -> Array:
        """Return whether each row of an output differs: booleans of shape [rows].

        Args:
            output: its name.
            original: what the original answers.
            converted: what the other model answers, of the same dtype and shape.
        """
        wrong = wrong_rows(original, converted, self.tolerance / RELATIVE_TOLERANCE)
        if self.widened and original.dtype.kind == "f" and original.ndim:
            wrong |= _flipped(original, converted, known=output in self.scores)
        return wrong


USUAL = Closeness()

_OF_CLASSES = frozenset(("accuracy", "f1", "roc_auc", "top_k"))
"""Metrics of labels, or of scores of classes."""


def closeness_of(spec: ModelSpec, outputs: Sequence[str], classes: Collection[str]) -> Closeness:
    """Return how near the answers of a model must be.

    Args:
        spec: the model, from the manifest.
        outputs: the names of its outputs, in order.
        classes: the names of outputs of which the converter knows the classes.
    """
    scores = set(classes)
    if spec.accuracy and spec.accuracy.metric in _OF_CLASSES:
        scores |= {spec.accuracy.output} if spec.accuracy.output else set(outputs)
    return Closeness(spec.check.tolerance, frozenset(scores))


def wrong_rows(original: Array, converted: Array, factor: float = 1.0) -> Array:
    """Return whether each row differs, for arrays of one dtype and shape.

    Args:
        original: what the original answers.
        converted: what the other model answers.
        factor: by which the tolerance of floats is wider than usual.
    """
    if original.dtype.kind != "f":
        same = _by_row(np.asarray(converted == original))
    else:
        same = _close(_by_row(converted), _by_row(original), factor)
    wrong: Array = np.logical_not(same.all(axis=1))
    return wrong


def undecided_rows(answer: Mapping[str, Array]) -> Array:
    """Return rows in which the two largest values of an output are equal within the tolerance.

    The usual tolerance counts, also where floats may differ more.
    """
    undecided = np.zeros(0, np.bool_)
    for scores in answer.values():
        if scores.dtype.kind == "f" and scores.ndim == _SCORES and scores.shape[1] >= _SCORES:
            tie = _ties(scores)
            undecided = tie if not len(undecided) else undecided | tie
    return undecided


def _ties(scores: Array) -> Array:
    second, first = np.sort(scores.astype(np.float64), axis=1)[:, -_SCORES:].T
    tie: Array = first - second <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * np.abs(first)
    return tie


def _flipped(original: Array, converted: Array, *, known: bool) -> Array:
    """Return rows of scores whose highest class changes though the original is decided."""
    before, after = _by_row(original), _by_row(converted)
    if before.shape[1] < _SCORES:
        flips = ((before > _EVEN) != (after > _EVEN)) & (
            np.abs(before - _EVEN) > RELATIVE_TOLERANCE
        )
        return np.asarray(flips.any(axis=1) & known)
    if original.ndim != _SCORES:
        return np.zeros(len(before), np.bool_)
    flips = (before.argmax(axis=1) != after.argmax(axis=1)) & ~_ties(before)
    return np.asarray(flips & (known | _are_probabilities(before)))


def _are_probabilities(rows: Array) -> Array:
    """Return whether the values of each row are from 0 to 1, and their sum is 1."""
    sums = rows.astype(np.float64).sum(axis=1)
    return np.asarray((rows >= 0).all(axis=1) & (np.abs(sums - 1) <= RELATIVE_TOLERANCE))


def _by_row(array: Array) -> Array:
    """Return the array with two axes; without rows, as one row."""
    return array.reshape(array.shape[0], prod(array.shape[1:])) if array.ndim else array[None, None]


def _close(converted: Array, original: Array, factor: float) -> Array:
    """Return whether each float is near enough to the original's: [rows, values]."""
    size = np.abs(original.astype(np.float64))
    largest = size.max(axis=1, initial=0.0, where=np.isfinite(size), keepdims=True)
    row = factor * ROW_TOLERANCE + _HALF_STEPS * _step(original)
    allowed = factor * (ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * size) + row * largest
    with np.errstate(invalid="ignore"):
        near = np.abs(converted.astype(np.float64) - original) <= allowed
        same = (converted == original) | (np.isnan(converted) & np.isnan(original))
    return np.asarray(np.where(np.isfinite(original), near, same))


def _step(array: Array) -> float:
    """Return the distance from 1 to the next number in a 16-bit type; 0 in a wider one."""
    if isinstance(array, BFloat16):
        return 2.0**-7
    return float(np.finfo(array.dtype).eps) if array.dtype == np.float16 else 0.0
