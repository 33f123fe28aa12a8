"""Metrics of the accuracy gate, as functions of the weight of each row.

A metric gets the truth and a model's answers, both [rows, ...], and returns a `Weighted`: a
function from the weights of the rows, floats of shape [rows], to the metric. With weights of 1 it
is the metric itself; with the counts of a resample it is the metric of that resample, without
computing anything twice (`bootstrap.py`). It is NaN where the metric is undefined, such as ROC AUC
of one class. To add a metric, write its function, add a line to `METRICS`, and add its name to
`manifest.entries.Metric`.

accuracy   share of correct labels
f1         mean over the classes of F1, as scikit-learn's `average="macro"`
roc_auc    area under the ROC curve; of several classes, the mean of each against the others
top_k      share of rows whose class is among the k highest scores
mae, rmse  mean absolute error, root mean squared error
cosine     mean cosine of the answer, as one vector a row, to the original model's
match      share of rows with the same label as the original model's

Labels are integers, texts, or scores, one for each class, of which the highest counts; a single
probability is that of the second of two classes. If a row has several texts, the most likely first,
the first one counts.

If a row may have several labels, the truth is [rows, labels] of 0 and 1, and the answer is the same
or a probability for each. As in scikit-learn, a row is then correct if all its labels are, and F1
and ROC AUC are means over the labels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lading.functions.inference.tensors.conversion import Array

Weighted = Callable[[Array], float]
"""From weights of the rows, floats of shape [rows], to the metric."""


EVEN = 0.5
"""The probability from which a label counts as predicted."""


class Incomparable(ValueError):
    """A metric cannot be computed from these answers and this truth; the text says why."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        of: from truth, answers and k to the metric.
        ascending: whether higher is better.
        scored: whether it uses scores, not labels.
        relative: whether the truth is the original model's answers.
        classes: whether the truth is classes; there must be at least two.
        counted: whether it is a share of rows, each correct or wrong.
    """

    of: Callable[[Array, Array, int], Weighted]
    ascending: bool = True
    scored: bool = False
    relative: bool = False
    classes: bool = False
    counted: bool = False


def _mean(rows: Array) -> Weighted:
    values = rows.reshape(len(rows), -1).mean(axis=1, dtype=np.float64)
    return lambda weights: float(weights @ values / weights.sum())


def _accuracy(truth: Array, answer: Array, _: int) -> Weighted:
    right, given = several_labels(truth, answer) or same_labels(truth, answer)
    return _mean((right == given).reshape(len(right), -1).all(axis=1))


def _f1(truth: Array, answer: Array, _: int) -> Weighted:
    several = several_labels(truth, answer)
    if several:
        return _f1_of_several(*several)
    right, given = same_labels(truth, answer)
    classes, codes = np.unique(np.concatenate([right, given]), return_inverse=True)
    true, guess = codes[: len(right)], codes[len(right) :]

    def weighted(weights: Array) -> float:
        count = len(classes)
        hits = np.bincount(true, weights * (true == guess), count)
        both = np.bincount(true, weights, count) + np.bincount(guess, weights, count)
        present = both > 0
        return float(np.mean(2 * hits[present] / both[present]))

    return weighted


def _f1_of_several(right: Array, given: Array) -> Weighted:
    hits, both = (right * given).astype(np.float64), (right + given).astype(np.float64)

    def weighted(weights: Array) -> float:
        found, all_ = weights @ hits, weights @ both
        return float(np.mean(np.divide(2 * found, all_, where=all_ > 0, out=0.0 * all_)))

    return weighted


def _roc_auc(truth: Array, answer: Array, _: int) -> Weighted:
    if _has_several(truth) and answer.dtype.kind == "f" and answer.shape == truth.shape:
        areas = [_area(one == 1, each) for one, each in zip(truth.T, answer.T, strict=True)]
        return lambda weights: float(np.mean([area(weights) for area in areas]))
    scores, codes = class_scores(truth, answer)
    if scores.shape[1] == 2:  # noqa: PLR2004 - two classes have one curve
        return _area(codes == 1, scores[:, 1])
    each = [_area(codes == code, scores[:, code]) for code in range(scores.shape[1])]
    return lambda weights: float(np.mean([area(weights) for area in each]))


def _area(positive: Array, scores: Array) -> Weighted:
    levels, level = np.unique(scores, return_inverse=True)

    def weighted(weights: Array) -> float:
        above = np.bincount(level, weights * positive, len(levels))
        below = np.bincount(level, weights * ~positive, len(levels))
        pairs = above.sum() * below.sum()
        won = above @ (np.cumsum(below) - below / 2)  # equal scores are half a win
        return float(won / pairs) if pairs else float("nan")

    return weighted


def _top_k(truth: Array, answer: Array, k: int) -> Weighted:
    scores, codes = class_scores(truth, answer)
    own = np.take_along_axis(scores, codes[:, np.newaxis], axis=1)
    # Of equal scores the lower class comes first, as in argmax.
    tied = (scores == own) & (np.arange(scores.shape[1]) < codes[:, np.newaxis])
    return _mean(((scores > own) | tied).sum(axis=1) < k)


def _mae(truth: Array, answer: Array, _: int) -> Weighted:
    return _mean(np.abs(_errors(truth, answer)))


def _rmse(truth: Array, answer: Array, _: int) -> Weighted:
    mean = _mean(np.square(_errors(truth, answer)))
    return lambda weights: float(np.sqrt(mean(weights)))


def _cosine(truth: Array, answer: Array, _: int) -> Weighted:
    if truth.shape != answer.shape or truth.dtype.kind not in "fiu" or truth.ndim < 2:  # noqa: PLR2004
        raise Incomparable(f"needs one vector for each row, but the model returns {_shown(answer)}")
    one, other = (each.reshape(len(each), -1).astype(np.float64) for each in (truth, answer))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    same = (one == other).all(axis=1)
    products = np.divide((one * other).sum(axis=1), lengths, where=lengths > 0, out=0.0 * lengths)
    return _mean(np.where(same, 1.0, np.minimum(products, 1.0)))


METRICS: dict[str, Metric] = {
    "accuracy": Metric(_accuracy, classes=True, counted=True),
    "f1": Metric(_f1, classes=True, counted=True),
    "roc_auc": Metric(_roc_auc, scored=True, classes=True),
    "top_k": Metric(_top_k, scored=True, classes=True, counted=True),
    "mae": Metric(_mae, ascending=False),
    "rmse": Metric(_rmse, ascending=False),
    "cosine": Metric(_cosine, relative=True),
    "match": Metric(_accuracy, relative=True, counted=True),
}
"""The metrics by their names in the manifest."""


def _has_several(truth: Array) -> bool:
    """Return whether a row may have several labels, each 0 or 1."""
    shaped = truth.ndim == 2 and truth.shape[1] > 1  # noqa: PLR2004 - [rows, labels]
    return shaped and truth.dtype.kind in "biuf" and bool(np.isin(truth, (0, 1)).all())


def several_labels(truth: Array, answer: Array) -> tuple[Array, Array] | None:
    """Return both as 0 or 1 for each label; None if a row has one label."""
    if not _has_several(truth) or answer.shape != truth.shape or answer.dtype.kind not in "biuf":
        return None
    if answer.dtype.kind == "f":
        if ((answer < 0) | (answer > 1)).any():
            raise Incomparable(
                "needs a probability for each label, but the model returns other numbers"
            )
        answer = answer >= EVEN
    return truth.astype(np.int64), answer.astype(np.int64)


def same_labels(truth: Array, answer: Array) -> tuple[Array, Array]:
    """Return both as labels, int64 or text, of shape [rows]."""
    right, given = _as_labels(truth), _as_labels(answer)
    if given.dtype.kind == "U" and right.ndim == 1:
        right = right.astype(np.str_)  # classes may be called 0, 1, 2
        given = given[:, 0] if given.ndim == 2 else given  # noqa: PLR2004 - [rows, labels]
    elif right.dtype.kind == "U":
        right = _without_words(right)
    if right.dtype.kind != given.dtype.kind or right.shape != given.shape:
        raise Incomparable(f"has 'y' of {_shown(right)}, but the model returns {_shown(given)}")
    return right, given


def _without_words(labels: Array) -> Array:
    """Return `True` and `False`, as CSV has them, as 1 and 0; other texts stay as they are."""
    lower = np.char.lower(labels)
    return (lower == "true").astype(np.int64) if np.isin(lower, ("true", "false")).all() else labels


def _as_labels(array: Array) -> Array:
    if array.dtype.kind == "f" and not _whole(array):
        if array.shape[1:] in ((), (1,)) and ((array >= 0) & (array <= 1)).all():
            likely: Array = (array.reshape(len(array)) >= EVEN).astype(np.int64)
            return likely
        if array.ndim != 2 or array.shape[1] == 1:  # noqa: PLR2004
            reason = "needs labels or a score for each class, but the model returns"
            raise Incomparable(f"{reason} {list(array.shape)} numbers")
        best: Array = array.argmax(axis=1)
        return best
    if array.shape[1:] == (1,):
        array = array[:, 0]
    if array.dtype.kind == "O":
        return np.array([label.decode() for label in array.flat], np.str_).reshape(array.shape)
    return array.astype(np.int64) if array.dtype.kind in "biuf" else array


def _whole(array: Array) -> bool:
    """Return whether floats are labels: whole numbers, one in each row."""
    return array.shape[1:] in ((), (1,)) and bool(np.equal(array, np.trunc(array)).all())


def class_scores(truth: Array, answer: Array) -> tuple[Array, Array]:
    """Return a score for each class, [rows, classes], and each row's class."""
    if answer.dtype.kind != "f" or answer.ndim > 2 or len(answer) != len(truth):  # noqa: PLR2004
        raise Incomparable(f"needs a score for each class, but the model returns {_shown(answer)}")
    scores = answer.reshape(len(answer), -1)
    if scores.shape[1] == 1:  # of the second of two classes
        scores = np.concatenate([-scores, scores], axis=1)
    return scores, _codes(truth, scores.shape[1])


def _codes(truth: Array, classes: int) -> Array:
    """Return the truth as class numbers, or numbered in the order of the names."""
    labels = _as_labels(truth)
    if labels.ndim != 1:
        raise Incomparable(f"needs one class for each row, but 'y' is {_shown(truth)}")
    if _are_codes(labels, classes):
        return labels
    names, codes = np.unique(labels, return_inverse=True)
    if len(names) != classes:
        raise Incomparable(f"has {len(names)} classes in 'y', but the model scores {classes}")
    return codes


def names_in_order(truth: Array, classes: int) -> list[str]:
    """Return the names in whose order `class_scores` numbers the truth; none if it is numbers."""
    labels = _as_labels(truth)
    return [] if _are_codes(labels, classes) else list(map(str, np.unique(labels).tolist()))


def _are_codes(labels: Array, classes: int) -> bool:
    return labels.dtype.kind == "i" and bool(labels.min() >= 0 and labels.max() < classes)


def _errors(truth: Array, answer: Array) -> Array:
    if truth.dtype.kind not in "fiu" or answer.dtype.kind not in "fiu" or _unlike(truth, answer):
        raise Incomparable(f"has 'y' of {_shown(truth)}, but the model returns {_shown(answer)}")
    # One number for each row may have a separate axis.
    errors: Array = answer.reshape(truth.shape).astype(np.float64) - truth
    return errors.reshape(len(errors), -1)


def _unlike(truth: Array, answer: Array) -> bool:
    return truth.size != answer.size or len(truth) != len(answer)


def _shown(array: Array) -> str:
    kind = "texts" if array.dtype.kind in "OU" else f"{array.dtype} numbers"
    return f"{kind} of shape {list(array.shape)}"
