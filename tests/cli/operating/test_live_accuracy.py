"""Accuracy and errors of versions, with intervals."""

import numpy as np
import pytest

from lading.cli.operating.live_accuracy import accuracy_of, error_of, shown, summed
from lading.functions.inference.capture.truths import FeedbackScore


def test_the_scores_of_a_version_add_up() -> None:
    one, other = FeedbackScore("m", 1, 2, 2, 1), FeedbackScore("m", 2, 1, 0, 0, 0.5, 0.25)
    assert summed([other, one, one]) == [FeedbackScore("m", 1, 4, 4, 2), other]


def test_the_mean_error_has_the_interval_of_a_mean() -> None:
    errors = np.abs(np.random.default_rng(1).normal(size=1000))
    found = error_of(FeedbackScore("m", 1, 1000, 0, 0, errors.sum(), (errors**2).sum()))
    assert found is not None
    half = 1.959964 * errors.std() / np.sqrt(1000)
    assert found == pytest.approx((errors.mean() - half, errors.mean(), errors.mean() + half))


def test_what_is_not_known_is_empty() -> None:
    numbers, classes = FeedbackScore("m", 1, 1, 0, 0, 1.0, 1.0), FeedbackScore("m", 1, 1, 1, 1)
    assert accuracy_of(numbers) is None
    assert error_of(classes) is None
    assert shown(numbers) == ("1", "1", "", "1 (1 to 1)")
    assert shown(classes)[3] == ""
