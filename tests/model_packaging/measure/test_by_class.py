import json
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.measure.by_class import (
    LONGEST_NAME,
    MOST_CLASSES,
    MOST_CONFUSED,
    MOST_OF_MATRIX,
    ByClass,
    by_class,
)
from lading.model_packaging.measure.metrics import METRICS

NAMES = ("ant", "bee", "cat", "dog")


def texts(labels: Array) -> Array:
    return np.array([str(each).encode() for each in labels], np.object_)


def random_labels(seed: int, count: int = len(NAMES), rows: int = 300) -> Array:
    return np.random.default_rng(seed).integers(0, count, rows)


def figures(metric: str, truth: Array, *answers: Array, names: Any = ()) -> ByClass:
    found = by_class(METRICS[metric], truth, (answers[0], answers[-1]), names)
    assert found is not None
    return found


def test_the_figures_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    names = np.array(NAMES)
    truth, before, after = (names[random_labels(seed)] for seed in (1, 2, 3))
    found = figures("accuracy", truth, texts(before), texts(after))
    assert [each.name for each in found.classes] == list(NAMES)
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(truth, after)
    for ours, theirs in (
        ([each.precision for each in found.classes], precision),
        ([each.recall for each in found.classes], recall),
        ([each.f1 for each in found.classes], f1),
        ([each.rows for each in found.classes], rows),
        (
            [each.f1_original for each in found.classes],
            metrics.f1_score(truth, before, average=None),
        ),
    ):
        assert ours == pytest.approx(list(theirs), abs=1e-6)
    assert np.array_equal(found.confusion or (), metrics.confusion_matrix(truth, after))


def test_the_most_frequent_mistakes_come_first() -> None:
    truth, answer = np.array([0] * 5 + [1] * 3 + [2]), np.array([0, 1, 1, 2, 2, 2, 2, 2, 2])
    found = figures("f1", truth, answer)
    assert [(each.truth, each.answer, each.rows) for each in found.confused] == [
        ("1", "2", 3),
        ("0", "1", 2),
        ("0", "2", 2),
    ]
    many = figures("f1", random_labels(1, 40), random_labels(2, 40))
    assert len(many.confused) == MOST_CONFUSED


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "top_k"])
def test_scores_have_the_names_of_their_columns(metric: str) -> None:
    truth = np.array([0, 1, 2, 3] * 10)
    scores = np.eye(4, dtype=np.float32)[truth] * 0.5 + 0.1
    assert [each.name for each in figures(metric, truth, scores, names=NAMES).classes] == list(
        NAMES
    )
    assert [each.name for each in figures(metric, truth, scores).classes] == ["0", "1", "2", "3"]
    named = figures("roc_auc", np.array(NAMES)[truth], scores)
    assert [each.name for each in named.classes] == list(NAMES)


def test_one_probability_is_that_of_the_second_class() -> None:
    truth, scores = np.array([0, 1] * 20), np.array([[0.2], [0.9]] * 20, np.float32)
    for metric in ("accuracy", "roc_auc"):
        found = figures(metric, truth, scores, names=("no", "yes"))
        assert [(each.name, each.f1) for each in found.classes] == [("no", 1), ("yes", 1)]


def test_numbers_that_are_labels_keep_their_own_names() -> None:
    truth = np.array([1, 2] * 20)
    found = figures("accuracy", truth, truth.astype(np.float64), names=("zero", "one", "two"))
    assert [each.name for each in found.classes] == ["1", "2"]


def test_a_class_without_rows_or_without_answers_has_no_share_of_them() -> None:
    found = figures("accuracy", np.array([0, 0, 1]), np.array([0, 2, 2]))
    assert [(each.precision, each.recall, each.f1) for each in found.classes] == [
        (1.0, 0.5, 0.666667),
        (None, 0.0, 0.0),
        (0.0, None, 0.0),
    ]


def test_several_labels_of_a_row_have_their_figures_and_no_matrix() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth = np.random.default_rng(0).integers(0, 2, (60, 3))
    scores = np.random.default_rng(1).random((60, 3)).astype(np.float32)
    found = figures("f1", truth, scores, names=("a", "b", "c"))
    expected = metrics.f1_score(truth, scores >= 0.5, average=None)
    assert [each.f1 for each in found.classes] == pytest.approx(list(expected), abs=1e-6)
    assert [each.name for each in found.classes] == ["a", "b", "c"]
    assert "confusion" not in found.to_json()


def test_many_classes_are_bounded_and_the_frequent_ones_stay() -> None:
    truth = np.concatenate([np.arange(MOST_CLASSES + 7), [3]])
    found = figures("accuracy", truth, truth)
    assert (len(found.classes), found.left_out, found.confusion) == (MOST_CLASSES, 7, None)
    assert next(each.rows for each in found.classes if each.name == "3") == 2
    assert len(json.dumps(found.to_json(), indent=2)) < 1 << 18
    few = figures("accuracy", np.arange(MOST_OF_MATRIX), np.arange(MOST_OF_MATRIX))
    assert np.array_equal(few.confusion or (), np.eye(MOST_OF_MATRIX))


def test_long_names_are_cut() -> None:
    truth = np.array(["a" * 5000, "b"] * 2)
    names = [each.name for each in figures("accuracy", truth, texts(truth)).classes]
    assert [len(name) for name in names] == [LONGEST_NAME, 1]


@pytest.mark.parametrize("metric", ["mae", "rmse", "match", "cosine"])
def test_what_is_not_measured_on_classes_has_no_classes(metric: str) -> None:
    truth = np.array([0.5, 1.5])
    assert by_class(METRICS[metric], truth, (truth, truth)) is None
