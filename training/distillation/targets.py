"""From a teacher's scores to what a student learns: softened probabilities, and the best class."""

from dataclasses import dataclass, replace

import numpy as np

from lading.functions.inference.tensors.conversion import Array

_SUMS = 1e-3
"""How far the sum of probabilities may be from 1."""
_LEAST = 1e-12
_TABLE = 2
"""The axes of scores: rows and classes."""
_FEWEST_CLASSES = 2


class Unteachable(ValueError):
    """A student cannot learn from these answers; the text says why."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What a student learns.

    Args:
        probabilities: the teacher's, float64 [rows, classes]; each row sums to 1.
        classes: the label of each column.
    """

    probabilities: Array
    classes: Array

    @property
    def best(self) -> Array:
        """The most likely column of each row, int64 [rows]."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def columns(self) -> Array:
        """The number of each column, int64 [classes]: the classes of a student without labels."""
        return np.arange(self.probabilities.shape[1])

    def softened(self, temperature: float) -> Array:
        """Return softmax(log(p) / temperature) for each row, float64 [rows, classes]."""
        return _softmax(np.log(self.probabilities.clip(_LEAST)) / temperature)

    def mixed(self, temperature: float, alpha: float) -> Array:
        """Return alpha parts of the softened probabilities, and the rest on the best class."""
        sure = np.eye(self.probabilities.shape[1])[self.best]
        return alpha * self.softened(temperature) + (1 - alpha) * sure


def make_targets(scores: Array, labels: Array | None) -> Targets:
    """Return what a student learns from a teacher's answers.

    Args:
        scores: floats [rows, classes]: probabilities, else logits.
        labels: the teacher's label of each row, [rows], if it answers labels.

    Raises:
        Unteachable: the answers have no scores of several classes, or all rows have one class.
    """
    if scores.ndim != _TABLE or scores.shape[1] < _FEWEST_CLASSES:
        raise Unteachable(
            f"has shape {list(scores.shape)}, not a score for each of several classes"
        )
    if not np.isfinite(scores).all():
        raise Unteachable("has NaN or infinity for some rows")
    found = make_scores(scores)
    targets = Targets(found, np.arange(scores.shape[1]))
    if len(np.unique(targets.best)) < _FEWEST_CLASSES:
        only = labels[0] if labels is not None else int(targets.best[0])
        raise Unteachable(f"gives all rows the class {only}; give rows of at least two classes")
    if labels is None:
        return targets
    return replace(targets, classes=_classes(targets.best, labels, scores.shape[1]))


def make_scores(scores: Array) -> Array:
    """Return probabilities, float64 [rows, classes], of probabilities or logits."""
    given = scores.astype(np.float64)
    sums = given.sum(axis=1)
    proper = bool((given >= 0).all() and (np.abs(sums - 1) < _SUMS).all())
    found: Array = given / sums[:, None] if proper else _softmax(given)
    return found


def _classes(best: Array, labels: Array, count: int) -> Array:
    """Return the label of each column: that of the rows in which it is the highest.

    Raises:
        Unteachable: a column's label is not known, or it has two.
    """
    names: dict[int, object] = {}
    for column, label in zip(best.tolist(), labels.tolist(), strict=True):
        if names.setdefault(column, label) != label:
            raise Unteachable(f"has its highest score not at the label '{label}'")
    if all(name == column for column, name in names.items()):
        return np.arange(count)
    missing = [column for column in range(count) if column not in names]
    if missing:
        raise Unteachable(f"gives no row the class of column {missing[0]}; give more rows")
    return np.array([names[column] for column in range(count)])


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Array = powers / powers.sum(axis=1, keepdims=True)
    return found
