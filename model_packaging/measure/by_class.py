"""What a classifier answers for each class: precision, recall, F1, and which classes it confuses.

The figures are counted on the answers that the accuracy gate has, as scikit-learn's
`precision_recall_fscore_support` and `confusion_matrix` count them. If a row may have several
labels, each label has its figures, and nothing is confused.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.metrics import (
    EVEN,
    Incomparable,
    Metric,
    class_scores,
    names_in_order,
    same_labels,
    several_labels,
)

MOST_CLASSES = 1000
"""Classes with figures; of more, those with the most rows."""
MOST_OF_MATRIX = 50
"""Classes of a confusion matrix; a larger one says less than its largest numbers."""
MOST_CONFUSED = 20
LONGEST_NAME = 100

_DECIMALS = 6
_MATRIX = 2


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The figures of one class.

    Args:
        name: of the class.
        rows: held-out rows that are of it.
        precision: share of right answers among those of this class; None if it was never answered.
        recall: share of its rows that are answered right; None if it has no rows.
        f1: harmonic mean of both; 0 if no row was answered right.
        f1_original: the original model's.
    """

    name: str
    rows: int
    precision: float | None
    recall: float | None
    f1: float
    f1_original: float


@dataclass(frozen=True, slots=True)
class Confused:
    """Rows of one class that were answered as another."""

    truth: str
    answer: str
    rows: int


@dataclass(frozen=True, slots=True)
class ByClass:
    """The figures of all classes.

    Args:
        classes: in the order of their labels.
        left_out: how many classes have no figures here.
        confusion: rows by true class, and in it by answered class; None if there are more than
            `MOST_OF_MATRIX` classes, or several labels a row.
        confused: the most frequent mistakes first.
    """

    classes: tuple[ClassFigures, ...]
    left_out: int = 0
    confusion: tuple[tuple[int, ...], ...] | None = None
    confused: tuple[Confused, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As written in report.json."""
        document = asdict(self)
        if self.confusion is None:
            del document["confusion"]
        return document


def by_class(
    metric: Metric, truth: Array, answers: tuple[Array, Array], names: Sequence[str] = ()
) -> ByClass | None:
    """Return the figures of each class; None if the answers are not classes.

    Args:
        metric: of the gate.
        truth: the true answers, [rows] or [rows, labels].
        answers: the original model's, and those of the model to publish; labels or scores.
        names: of the classes, if the answers are scores with a column for each.
    """
    if not metric.classes:
        return None
    try:
        pairs = [several_labels(truth, each) for each in answers]
        if pairs[0] and pairs[1]:
            return _of_several(pairs[0][0], pairs[0][1], pairs[1][1], names)
        return _of_one(*_labels(metric, truth, answers, names))
    except Incomparable:
        return None


def _labels(
    metric: Metric, truth: Array, answers: tuple[Array, Array], names: Sequence[str]
) -> tuple[Array, Array, Array, list[str]]:
    """Return the codes of truth and answers, each int64 [rows], and the name of each code."""
    if metric.scored:
        (scores, codes), (others, _) = (class_scores(truth, each) for each in answers)
        known = names_in_order(truth, scores.shape[1]) or _known(names, scores.shape[1])
        return codes, _highest(scores, answers[0]), _highest(others, answers[1]), known
    right, first = same_labels(truth, answers[0])
    _, second = same_labels(truth, answers[1])
    labels, found = np.unique(np.concatenate([right, first, second]), return_inverse=True)
    rows = len(right)
    known = [str(label) for label in labels.tolist()]
    if _are_scores(answers[1]):
        known = [names[int(each)] if int(each) < len(names) else each for each in known]
    codes = found.reshape(-1).astype(np.int64)
    return codes[:rows], codes[rows : 2 * rows], codes[2 * rows :], known


def _highest(scores: Array, answer: Array) -> Array:
    """Return the class that a model answers: of one probability, the second from a half on."""
    if answer.size == len(answer):
        probable = ((answer >= 0) & (answer <= 1)).all()
        return (scores[:, 1] >= (EVEN if probable else 0)).astype(np.int64)
    best: Array = scores.argmax(axis=1)
    return best


def _are_scores(answer: Array) -> bool:
    """Return whether a label is the place of the highest score, or the second of two classes."""
    several = answer.ndim == _MATRIX and answer.shape[1] > 1
    return answer.dtype.kind == "f" and (several or bool((answer != np.trunc(answer)).any()))


def _known(names: Sequence[str], count: int) -> list[str]:
    return list(names) if len(names) == count else [str(each) for each in range(count)]


def _of_one(truth: Array, first: Array, second: Array, names: list[str]) -> ByClass:
    count = len(names)
    rows, answered, right = _counts(truth, second, count)
    _, before, was_right = _counts(truth, first, count)
    kept = _kept(rows)
    figures = _figures(names, (rows, answered, right), (before, was_right), kept)
    pairs, times = np.unique(truth.astype(np.int64) * count + second, return_counts=True)
    matrix = None
    if count <= MOST_OF_MATRIX:
        square = np.zeros(count * count, np.int64)
        square[pairs] = times
        matrix = tuple(map(tuple, square.reshape(count, count).tolist()))
    return ByClass(figures, count - len(kept), matrix, _confused(pairs, times, names))


def _confused(pairs: Array, times: Array, names: Sequence[str]) -> tuple[Confused, ...]:
    wrong = pairs // len(names) != pairs % len(names)
    pairs, times = pairs[wrong], times[wrong]
    first = np.argsort(-times, kind="stable")[:MOST_CONFUSED]
    return tuple(
        Confused(_short(names[pair // len(names)]), _short(names[pair % len(names)]), rows)
        for pair, rows in zip(pairs[first].tolist(), times[first].tolist(), strict=True)
    )


def _of_several(truth: Array, first: Array, second: Array, names: Sequence[str]) -> ByClass:
    rows, kept = truth.sum(axis=0), _kept(truth.sum(axis=0))
    now = rows, second.sum(axis=0), (truth * second).sum(axis=0)
    before = first.sum(axis=0), (truth * first).sum(axis=0)
    known = _known(names, truth.shape[1])
    return ByClass(_figures(known, now, before, kept), truth.shape[1] - len(kept))


def _counts(truth: Array, answer: Array, count: int) -> tuple[Array, Array, Array]:
    """Return for each class its rows, the answers of it, and the right ones."""
    rows, answered, right = (
        np.bincount(each, minlength=count) for each in (truth, answer, truth[truth == answer])
    )
    return rows, answered, right


def _kept(rows: Array) -> list[int]:
    """Return the classes with figures, in their order."""
    kept: list[int] = np.sort(np.argsort(-rows, kind="stable")[:MOST_CLASSES]).tolist()
    return kept


def _figures(
    names: Sequence[str],
    now: tuple[Array, Array, Array],
    before: tuple[Array, Array],
    kept: Sequence[int],
) -> tuple[ClassFigures, ...]:
    rows, answered, right = (each.tolist() for each in now)
    answered_before, right_before = (each.tolist() for each in before)
    return tuple(
        ClassFigures(
            name=_short(names[each]),
            rows=int(rows[each]),
            precision=_share(right[each], answered[each]),
            recall=_share(right[each], rows[each]),
            f1=_f1(right[each], rows[each], answered[each]),
            f1_original=_f1(right_before[each], rows[each], answered_before[each]),
        )
        for each in kept
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, _DECIMALS) if whole else None


def _f1(right: int, rows: int, answered: int) -> float:
    return round(2 * right / (rows + answered), _DECIMALS) if right else 0.0


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
