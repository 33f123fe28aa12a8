import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.training.distillation.targets import Targets, Unteachable, make_scores, make_targets

SURE = np.array([[0.9, 0.1], [0.2, 0.8]])


def test_logits_and_probabilities_teach_the_same() -> None:
    logits = np.array([[1.0, 3.0, -2.0], [0.5, 0.5, 4.0]])
    powers = np.exp(logits)
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(make_scores(logits), probabilities)
    np.testing.assert_allclose(make_scores(probabilities), probabilities)


def test_a_temperature_softens_as_it_does_for_logits() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [0.0, 3.0, 1.0]])
    halved = np.exp(logits / 2)
    wanted = halved / halved.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(make_targets(logits, None).softened(2.0), wanted)
    np.testing.assert_allclose(make_targets(SURE, None).softened(1.0), SURE)


def test_alpha_mixes_the_scores_with_the_best_class() -> None:
    mixed = Targets(SURE, np.arange(2)).mixed(1.0, 0.25)
    np.testing.assert_allclose(mixed, [[0.975, 0.025], [0.05, 0.95]])


def test_probabilities_of_zero_stay_finite() -> None:
    found = make_targets(np.array([[1.0, 0.0], [0.0, 1.0]]), None).softened(4.0)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_columns_get_the_labels_of_the_rows_in_which_they_are_highest() -> None:
    assert make_targets(SURE, np.array(["no", "yes"])).classes.tolist() == ["no", "yes"]
    three = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    assert make_targets(three, np.array([0, 1])).classes.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        (np.array([0.3, 0.7]), None, "not a score for each of several classes"),
        (np.array([[0.3], [0.7]]), None, "not a score for each of several classes"),
        (np.array([[0.3, np.nan], [1, 0]]), None, "NaN or infinity"),
        (np.array([[0.9, 0.1], [0.8, 0.2]]), np.array(["a", "a"]), "all rows the class a"),
        (SURE, np.array(["a", "a"]), ""),
        (np.array([[0.9, 0.1, 0], [0.1, 0.9, 0]]), np.array([5, 7]), "the class of column 2"),
        (np.array([[0.9, 0.1], [0.8, 0.2], [0, 1]]), np.array(["a", "b", "b"]), "label 'b'"),
    ],
    ids=["one axis", "one column", "nan", "one class", "one label", "unseen", "two labels"],
)
def test_answers_that_cannot_teach_are_refused(
    scores: Array, labels: Array | None, reason: str
) -> None:
    if not reason:  # two columns of one label: what a student calls them is the caller's to know
        assert make_targets(scores, labels).classes.tolist() == ["a", "a"]
        return
    with pytest.raises(Unteachable, match=reason):
        make_targets(scores, labels)
