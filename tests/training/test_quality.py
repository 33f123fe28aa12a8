"""Confusion and calibration, beside scikit-learn's."""

import numpy as np
import pytest

from lading.training.quality import calibration_of, confusion_of

metrics = pytest.importorskip("sklearn.metrics")
calibration = pytest.importorskip("sklearn.calibration")

GENERATOR = np.random.default_rng(5)
TRUTH = GENERATOR.integers(0, 3, 500)
ANSWER = np.where(GENERATOR.random(500) < 0.7, TRUTH, GENERATOR.integers(0, 3, 500))


def test_the_confusion_matrix_is_that_of_scikit_learn() -> None:
    confusion = confusion_of(TRUTH, ANSWER)
    assert confusion is not None
    assert confusion.classes == ("0", "1", "2")
    assert [list(row) for row in confusion.counts] == metrics.confusion_matrix(
        TRUTH, ANSWER
    ).tolist()


def test_texts_are_classes_too() -> None:
    names = np.array(["bee", "ant"])
    answers = np.array([b"bee", b"bee"], np.object_)
    confusion = confusion_of(names, answers)
    assert confusion is not None
    assert confusion.classes == ("ant", "bee")
    assert confusion.counts == ((0, 1), (0, 1))


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        (np.array([0.5, 1.5]), np.array([0.4, 1.4])),
        (np.array([1, 2]), np.array([[b"a"], [b"b"]], np.object_).reshape(2, 1, 1)),
        (np.arange(100), np.arange(100)),
    ],
    ids=["numbers", "other shape", "too many classes"],
)
def test_what_is_no_small_set_of_labels_has_no_matrix(
    truth: np.ndarray, answer: np.ndarray
) -> None:
    assert confusion_of(truth, answer) is None


def test_the_calibration_is_that_of_scikit_learn() -> None:
    likely = GENERATOR.random(2000)
    truth = (GENERATOR.random(2000) < likely**1.3).astype(np.int64)
    found = calibration_of(truth, np.stack([1 - likely, likely], axis=1).astype(np.float32))
    assert found is not None
    best = np.maximum(likely, 1 - likely).astype(np.float32)
    right = (likely >= 0.5) == truth
    share, mean = calibration.calibration_curve(right, best, n_bins=10)
    np.testing.assert_allclose([each.right for each in found.bins], share, atol=5e-3)
    np.testing.assert_allclose([each.probability for each in found.bins], mean, atol=5e-3)
    gaps = [each.rows * abs(each.right - each.probability) for each in found.bins]
    assert found.error == pytest.approx(sum(gaps) / 2000)


def test_one_column_is_the_probability_of_the_second_class() -> None:
    likely = np.array([[0.75], [0.25]], np.float32)  # exact in binary, and so is 1 - likely
    pair = np.concatenate([1 - likely, likely], axis=1)
    truth = np.array([1, 0])
    assert calibration_of(truth, likely) == calibration_of(truth, pair)


@pytest.mark.parametrize(
    "answer",
    [np.array([[2.0, -1.0]], np.float32), np.array([[0.2, 0.2]], np.float32), np.array([[1, 0]])],
    ids=["scores", "shares", "labels"],
)
def test_what_is_no_probability_has_no_calibration(answer: np.ndarray) -> None:
    assert calibration_of(np.array([0]), answer) is None
