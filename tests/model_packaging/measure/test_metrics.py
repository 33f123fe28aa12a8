"""Each metric beside scikit-learn's, weighted and not."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import as_bytes
from lading.model_packaging.measure.metrics import METRICS, Incomparable

COUNT = 200
GENERATOR = np.random.default_rng(4)
ONES = np.ones(COUNT)
WEIGHTS = np.bincount(GENERATOR.integers(0, COUNT, COUNT), minlength=COUNT).astype(np.float64)
TRUTH = GENERATOR.integers(0, 4, COUNT)
GUESS = np.where(GENERATOR.random(COUNT) < 0.7, TRUTH, GENERATOR.integers(0, 4, COUNT))
SCORES = np.round(GENERATOR.random((COUNT, 4)) + np.eye(4)[GUESS] / 2, 1).astype(np.float32)
PROBABILITIES = SCORES / SCORES.sum(axis=1, keepdims=True)
NAMES = np.array(["ant", "bee", "cat", "dog"])


SEVERAL = GENERATOR.integers(0, 2, (COUNT, 3))
CHANCES = np.clip(SEVERAL * 0.4 + GENERATOR.random((COUNT, 3)) * 0.7, 0, 1).astype(np.float32)


def taken(metric: str, truth: Array, answer: Array, weights: Array = ONES, k: int = 5) -> float:
    return METRICS[metric].of(truth, answer, k)(weights)


@pytest.mark.parametrize("weights", [ONES, WEIGHTS])
def test_metrics_of_labels_are_the_known_ones(weights: Array) -> None:
    accuracy = theirs.accuracy_score(TRUTH, GUESS, sample_weight=weights)
    assert taken("accuracy", TRUTH, GUESS, weights) == pytest.approx(accuracy)
    f1 = theirs.f1_score(TRUTH, GUESS, sample_weight=weights, average="macro")
    assert taken("f1", TRUTH, GUESS, weights) == pytest.approx(f1)
    assert taken("match", TRUTH, GUESS, weights) == pytest.approx(accuracy)


@pytest.mark.parametrize("weights", [ONES, WEIGHTS])
def test_metrics_of_scores_are_the_known_ones(weights: Array) -> None:
    two = TRUTH % 2
    area = theirs.roc_auc_score(two, SCORES[:, 1], sample_weight=weights)
    for scores in (SCORES[:, 1], SCORES[:, 1:2], np.c_[1 - SCORES[:, 1], SCORES[:, 1]]):
        assert taken("roc_auc", two, scores, weights) == pytest.approx(area)
    each = [
        theirs.roc_auc_score(code == TRUTH, SCORES[:, code], sample_weight=weights)
        for code in range(4)
    ]
    assert taken("roc_auc", TRUTH, SCORES, weights) == pytest.approx(np.mean(each))
    distinct = PROBABILITIES + np.arange(4) * 1e-6  # scikit-learn breaks ties the other way round
    top = theirs.top_k_accuracy_score(TRUTH, distinct, k=2, sample_weight=weights)
    assert taken("top_k", TRUTH, distinct, weights, k=2) == pytest.approx(top)


@pytest.mark.parametrize("weights", [ONES, WEIGHTS])
def test_metrics_of_numbers_are_the_known_ones(weights: Array) -> None:
    truth, answer = SCORES[:, 0].astype(np.float64), SCORES[:, 1:2]
    mae = theirs.mean_absolute_error(truth, answer, sample_weight=weights)
    assert taken("mae", truth, answer, weights) == pytest.approx(mae)
    rmse = theirs.root_mean_squared_error(truth, answer, sample_weight=weights)
    assert taken("rmse", truth, answer, weights) == pytest.approx(rmse)


@pytest.mark.parametrize("weights", [ONES, WEIGHTS])
@pytest.mark.parametrize("form", [np.float32, np.int64])
def test_metrics_of_rows_with_several_labels_are_the_known_ones(weights: Array, form: type) -> None:
    guess = CHANCES >= 0.5
    answer = CHANCES if form is np.float32 else guess.astype(form)
    accuracy = theirs.accuracy_score(SEVERAL, guess, sample_weight=weights)
    assert 0 < accuracy < 1
    assert taken("accuracy", SEVERAL, answer, weights) == pytest.approx(accuracy)
    f1 = theirs.f1_score(SEVERAL, guess, sample_weight=weights, average="macro")
    assert taken("f1", SEVERAL, answer, weights) == pytest.approx(f1)


@pytest.mark.parametrize("weights", [ONES, WEIGHTS])
def test_the_area_of_several_labels_is_their_mean(weights: Array) -> None:
    area = theirs.roc_auc_score(SEVERAL, CHANCES, sample_weight=weights, average="macro")
    assert taken("roc_auc", SEVERAL, CHANCES, weights) == pytest.approx(area)


@pytest.mark.parametrize("shape", [(COUNT,), (COUNT, 1)])
def test_one_probability_a_row_is_of_the_second_of_two_classes(shape: tuple[int, ...]) -> None:
    two, chance = SEVERAL[:, 0], CHANCES[:, 0]
    accuracy = theirs.accuracy_score(two, chance >= 0.5)
    assert taken("accuracy", two, chance.reshape(shape)) == pytest.approx(accuracy)


@pytest.mark.parametrize("weights", [ONES, WEIGHTS])
def test_errors_of_several_numbers_are_the_known_ones(weights: Array) -> None:
    truth, answer = SCORES.astype(np.float64), PROBABILITIES
    mae = theirs.mean_absolute_error(truth, answer, sample_weight=weights)
    assert taken("mae", truth, answer, weights) == pytest.approx(mae)


def test_top_1_is_accuracy_ties_included() -> None:
    assert taken("top_k", TRUTH, SCORES, k=1) == taken("accuracy", TRUTH, SCORES)


def test_cosine_is_of_each_rows_vector() -> None:
    one = np.array([[1, 0], [0, 2], [3, 0], [0, 0]], np.float32)
    other = np.array([[0, 1], [0, 1], [3, 3], [0, 0]], np.float32)
    wanted = np.mean([0, 1, np.sqrt(0.5), 1])
    assert taken("cosine", one, other, np.ones(4)) == pytest.approx(wanted)
    assert taken("cosine", one, one, np.ones(4)) == 1


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        (TRUTH, np.eye(4, dtype=np.float32)[TRUTH]),
        (TRUTH, TRUTH[:, np.newaxis]),
        (TRUTH % 2 == 1, TRUTH % 2),
        (np.array([str(each) for each in TRUTH % 2 == 1]), TRUTH % 2),  # as pandas writes CSV
        (np.array(["false", "true"])[TRUTH % 2], np.eye(2, dtype=np.float32)[TRUTH % 2]),
        (TRUTH.astype(np.float64), TRUTH.astype(np.int32)),
        (NAMES[TRUTH], as_bytes(NAMES[TRUTH])),
        (NAMES[TRUTH], as_bytes(np.stack([NAMES[TRUTH], NAMES[TRUTH - 1]], axis=1))),
        (TRUTH, as_bytes(TRUTH)),
    ],
)
def test_labels_are_compared_in_whatever_form_they_come(truth: Array, answer: Array) -> None:
    assert taken("accuracy", truth, answer) == 1.0


def test_named_classes_are_scored_in_the_order_of_their_names() -> None:
    assert taken("roc_auc", NAMES[TRUTH], SCORES) == taken("roc_auc", TRUTH, SCORES)
    assert taken("roc_auc", TRUTH + 7, SCORES) == taken("roc_auc", TRUTH, SCORES)


def test_a_resample_of_one_class_has_no_roc_curve() -> None:
    assert np.isnan(taken("roc_auc", TRUTH % 2, SCORES[:, 1], (TRUTH % 2).astype(np.float64)))


@pytest.mark.parametrize(
    ("metric", "truth", "answer", "text"),
    [
        ("accuracy", TRUTH, 2 * SCORES[:, 0], "needs labels or a score for each class"),
        ("accuracy", SEVERAL, 3 * CHANCES, "needs a probability for each label"),
        ("f1", SEVERAL, CHANCES[:, :2], "'y' of int64 numbers of shape [200, 3], but the model"),
        ("mae", SCORES[:, :2], SCORES[:50].reshape(100, 2), "returns float32 numbers of shape"),
        ("mae", SCORES, SCORES.reshape(400, 2), "returns float32 numbers of shape [400, 2]"),
        (
            "accuracy",
            NAMES[TRUTH],
            TRUTH,
            "'y' of texts of shape [200], but the model returns int64",
        ),
        ("accuracy", np.c_[TRUTH, TRUTH], TRUTH, "'y' of int64 numbers of shape [200, 2]"),
        ("f1", NAMES[TRUTH], TRUTH, "'y' of texts"),
        (
            "roc_auc",
            TRUTH,
            TRUTH,
            "needs a score for each class, but the model returns int64 numbers",
        ),
        ("roc_auc", TRUTH, SCORES[:, :2], "has 4 classes in 'y', but the model scores 2"),
        ("top_k", np.c_[TRUTH, TRUTH], SCORES, "needs one class for each row"),
        ("mae", TRUTH, SCORES, "returns float32 numbers of shape [200, 4]"),
        ("rmse", NAMES[TRUTH], as_bytes(NAMES[TRUTH]), "'y' of texts"),
        ("cosine", SCORES[:, 0], SCORES[:, 0], "needs one vector for each row"),
        ("cosine", NAMES[TRUTH], NAMES[TRUTH], "needs one vector for each row"),
    ],
)
def test_what_cannot_be_compared_says_why(
    metric: str, truth: Array, answer: Array, text: str
) -> None:
    with pytest.raises(Incomparable) as caught:
        taken(metric, truth, answer)
    assert text in str(caught.value)
