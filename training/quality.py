"""What a classifier gets wrong, and how well it knows that: confusion matrix and calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.metrics import Incomparable, class_scores, same_labels

BINS = 10
_MOST_CLASSES = 30
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of rows, [true class][answered class], in the order of `classes`."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows whose answer is about equally probable: their number, mean probability, share right."""

    rows: int
    probability: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often an answer is right, by its probability.

    `error` is the expected calibration error: the mean distance of both over the rows (Naeini et
    al., 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning").
    """

    bins: tuple[Bin, ...]
    error: float


def confusion_of(truth: Array | None, answer: Array) -> Confusion | None:
    """Return the confusion matrix; None if the answers are no labels, or of too many classes."""
    if truth is None or (truth.dtype.kind == "f" and not np.equal(truth, np.trunc(truth)).all()):
        return None
    try:
        right, given = same_labels(truth, answer)
    except Incomparable:
        return None
    classes, codes = np.unique(np.concatenate([right, given]), return_inverse=True)
    if right.ndim != 1 or not 1 < len(classes) <= _MOST_CLASSES:
        return None
    size = len(classes)
    pairs = codes[: len(right)] * size + codes[len(right) :]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    return Confusion(tuple(map(str, classes)), tuple(tuple(map(int, row)) for row in counts))


def calibration_of(truth: Array | None, answer: Array) -> Calibration | None:
    """Return the calibration of the most probable class; None if answers are no probabilities."""
    if truth is None or answer.dtype.kind != "f":
        return None
    likely = _probabilities(answer)
    try:
        _, codes = class_scores(truth, answer)
    except Incomparable:
        return None
    if likely is None:
        return None
    best = likely.argmax(axis=1)
    return _binned(likely.max(axis=1), best == codes)


def _probabilities(answer: Array) -> Array | None:
    """Return probabilities, [rows, classes]; one column is that of the second of two classes."""
    likely = answer.reshape(len(answer), -1).astype(np.float64)
    if likely.shape[1] == 1:
        likely = np.concatenate([1 - likely, likely], axis=1)
    sums = np.abs(likely.sum(axis=1) - 1)
    return likely if (likely >= 0).all() and (sums < _ROUNDING).all() else None


def _binned(probability: Array, right: Array) -> Calibration:
    number = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    bins = [_bin(probability[number == each], right[number == each]) for each in range(BINS)]
    found: Sequence[Bin] = [each for each in bins if each.rows]
    error = sum(each.rows * abs(each.probability - each.right) for each in found) / len(right)
    return Calibration(tuple(found), float(error))


def _bin(probability: Array, right: Array) -> Bin:
    rows = len(right)
    return Bin(rows, float(probability.mean()), float(right.mean())) if rows else Bin(0, 0.0, 0.0)
