"""The accuracy gate: what was lost between the original model and the one to publish.

The metric is taken of the model's first output: `accuracy` of labels, or of the greatest of one
score per class; `mae` and `rmse` of numbers.
"""

from collections.abc import Callable

import numpy as np

from functions.inference.tensors import Array
from model_packaging.conversion import Model
from model_packaging.errors import AccuracyChange, AccuracyDropped, DataUnusable
from model_packaging.manifest import AccuracySpec
from model_packaging.samples import Samples

BATCH = 64
"""Rows in one request of the gate; dynamic quantisation's answers depend a little on it."""

_DECIMALS = 9


def gate(spec: AccuracySpec, holdout: Samples, before: Model, after: Model) -> AccuracyChange:
    """Measure both models on the held-out rows.

    Args:
        spec: metric and the drop that is still allowed.
        holdout: rows with their truth.
        before: the original model.
        after: the model to publish.

    Raises:
        AccuracyDropped: the model to publish lost more than `max_drop`.
        DataUnusable: the metric cannot be taken of these rows.
    """
    was = measure(spec.metric, holdout, holdout.guarded(before, "original"))
    now = measure(spec.metric, holdout, holdout.guarded(after, "optimised"))
    if spec.metric == "accuracy" and was == now == 0:
        reason = "has no row that either model answers right; is 'y' of the model's own classes?"
        raise DataUnusable(holdout.model, holdout.origin, reason)
    worse = was - now if spec.metric == "accuracy" else now - was
    change = AccuracyChange(spec.metric, was, now, round(worse, _DECIMALS), spec.max_drop)
    if change.drop > spec.max_drop:
        raise AccuracyDropped(holdout.model, change)
    return change


def measure(metric: str, holdout: Samples, model: Model) -> float:
    """A model's metric on held-out rows.

    Raises:
        DataUnusable: its first output and the truth cannot be compared.
    """
    answers = [
        next(iter(_finite(holdout, model(each)).values())) for each in holdout.requests(BATCH)
    ]
    truth = np.asarray(holdout.truth)
    return _METRICS[metric](holdout, truth, np.concatenate(answers))


def _finite(holdout: Samples, answer: dict[str, Array]) -> dict[str, Array]:
    for name, array in answer.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            reason = f"makes the model answer NaN in '{name}'; look for NaN in the rows"
            raise DataUnusable(holdout.model, holdout.origin, reason)
    return answer


def _accuracy(holdout: Samples, truth: Array, answer: Array) -> float:
    scores, classes = answer.dtype.kind == "f", answer.shape[1:]
    if scores and (len(classes) != 1 or classes == (1,)):
        reason = f"needs labels or a score per class, the model gives {list(answer.shape)} numbers"
        raise DataUnusable(holdout.model, "metric accuracy", reason)
    labels = _comparable(answer.argmax(axis=1) if scores else answer)
    right = _comparable(truth)
    if labels.dtype.kind != right.dtype.kind or labels.shape != right.shape:
        raise _unlike(holdout, right, labels)
    return float((labels == right).mean())


def _comparable(labels: Array) -> Array:
    """Labels as int64 or as text, of shape [rows]."""
    if labels.shape[1:] == (1,):
        labels = labels[:, 0]
    if labels.dtype.kind == "O":
        return np.array([label.decode() for label in labels.flat], np.str_).reshape(labels.shape)
    whole = labels.dtype.kind in "biu" or (
        labels.dtype.kind == "f" and np.equal(labels, np.trunc(labels)).all()
    )
    return labels.astype(np.int64) if whole else labels


def _unlike(holdout: Samples, truth: Array, answer: Array) -> DataUnusable:
    return DataUnusable(
        holdout.model,
        holdout.origin,
        f"has 'y' of {truth.dtype} {list(truth.shape)}, the model answers "
        f"{answer.dtype} {list(answer.shape)}",
    )


def _errors(holdout: Samples, truth: Array, answer: Array) -> Array:
    if truth.dtype.kind not in "fiu" or answer.dtype.kind not in "fiu" or truth.size != answer.size:
        raise _unlike(holdout, truth, answer)
    errors: Array = answer.reshape(truth.shape).astype(np.float64) - truth
    return errors


def _mae(holdout: Samples, truth: Array, answer: Array) -> float:
    return float(np.abs(_errors(holdout, truth, answer)).mean())


def _rmse(holdout: Samples, truth: Array, answer: Array) -> float:
    return float(np.sqrt(np.square(_errors(holdout, truth, answer)).mean()))


_METRICS: dict[str, Callable[[Samples, Array, Array], float]] = {
    "accuracy": _accuracy,
    "mae": _mae,
    "rmse": _rmse,
}
